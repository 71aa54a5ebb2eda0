//! Slots: which one a key is in, and what a command's keys are.

use std::ops::Range;

use redis::{Arg, Cmd};

use crate::Error;

/// Slots of every cluster.
pub(in crate::conn) const SLOTS: u16 = 16384;

/// The slot of a key: of what stands between its first `{` and the next `}`, if anything does.
pub(in crate::conn) fn of_key(key: &[u8]) -> u16 {
    crc16(tag(key).unwrap_or(key)) % SLOTS
}

/// The hash tag of a key.
pub(in crate::conn) fn tag(key: &[u8]) -> Option<&[u8]> {
    let start = key.iter().position(|byte| *byte == b'{')? + 1;
    let rest = key.get(start..)?;
    let length = rest.iter().position(|byte| *byte == b'}')?;
    rest.get(..length).filter(|tag| !tag.is_empty())
}

/// CRC-16 of XMODEM: polynomial 0x1021, beginning with 0.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            }
        })
    })
}

/// The slot of a command's keys; `None` when it has no key.
///
/// # Errors
/// When its keys lie in different slots; no node could run it.
pub(in crate::conn) fn of_command(command: &Cmd) -> Result<Option<u16>, Error> {
    let mut first: Option<(&[u8], u16)> = None;
    for key in keys(command) {
        let slot = of_key(key);
        match first {
            None => first = Some((key, slot)),
            Some((other, at)) if at != slot => return Err(apart(other, key)),
            Some(_) => {}
        }
    }
    Ok(first.map(|(_, slot)| slot))
}

/// The error for keys that no node of a cluster has together.
fn apart(one: &[u8], other: &[u8]) -> Error {
    let text = |key: &[u8]| String::from_utf8_lossy(key).into_owned();
    let (one, other) = (text(one), text(other));
    let prefix = one.split(':').next().unwrap_or_default();
    not_together(
        prefix,
        &format!("`{one}` and `{other}` lie in different slots"),
    )
}

/// Says how to bring the keys of a queue into one slot, on both sides.
pub(in crate::conn) fn not_together(prefix: &str, why: &str) -> Error {
    let tagged = format!("{{{}}}", prefix.trim_matches(['{', '}']));
    Error::Invalid {
        field: "prefix",
        rule: format!(
            "needs a hash tag on a cluster ({why}): start bullrs with `--prefix '{tagged}'`, and \
             give `prefix: '{tagged}'` to every Queue, Worker, QueueEvents and FlowProducer of the \
             app"
        ),
    }
}

fn argument(command: &Cmd, at: usize) -> Option<&[u8]> {
    match command.args_iter().nth(at)? {
        Arg::Simple(bytes) => Some(bytes),
        _ => None,
    }
}

fn is(word: &[u8], names: &[&str]) -> bool {
    names
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

/// The keys among a command's arguments.
fn keys(command: &Cmd) -> impl Iterator<Item = &[u8]> {
    let range = key_range(command).unwrap_or(0..0);
    command
        .args_iter()
        .skip(range.start)
        .take(range.len())
        .filter_map(|argument| match argument {
            Arg::Simple(bytes) => Some(bytes),
            _ => None,
        })
}

fn key_range(command: &Cmd) -> Option<Range<usize>> {
    let name = argument(command, 0)?;
    let count = command.args_iter().len();
    let number = |at| -> Option<usize> {
        std::str::from_utf8(argument(command, at)?)
            .ok()?
            .parse()
            .ok()
    };
    let range = if is(
        name,
        &[
            "EVALSHA",
            "EVAL",
            "EVALSHA_RO",
            "EVAL_RO",
            "FCALL",
            "FCALL_RO",
        ],
    ) {
        3..number(2)?.saturating_add(3)
    } else if is(name, &["XREAD", "XREADGROUP"]) {
        let streams = command
            .args_iter()
            .position(|word| matches!(word, Arg::Simple(word) if is(word, &["STREAMS"])))?;
        streams + 1..streams + 1 + (count - streams - 1) / 2
    } else if is(name, &["BZPOPMIN", "BZPOPMAX", "BLPOP", "BRPOP"]) {
        1..count.checked_sub(1)?
    } else if is(
        name,
        &[
            "DEL", "EXISTS", "UNLINK", "TOUCH", "WATCH", "MGET", "SINTER", "SUNION",
        ],
    ) {
        1..count
    } else if is(name, &["RENAME", "COPY", "LMOVE", "RPOPLPUSH", "SMOVE"]) {
        1..3
    } else if is(name, &["OBJECT", "MEMORY", "XINFO", "XGROUP", "DEBUG"]) {
        2..3
    } else if is(
        name,
        &[
            "PING", "INFO", "CLIENT", "SCRIPT", "CONFIG", "CLUSTER", "COMMAND", "TIME", "ROLE",
            "ACL", "AUTH", "SELECT", "WAIT", "MULTI", "EXEC", "DISCARD", "UNWATCH", "SCAN",
            "DBSIZE", "FLUSHALL", "FLUSHDB", "PUBLISH", "LATENCY", "SLOWLOG", "ASKING",
        ],
    ) {
        return None;
    } else {
        1..2
    };
    (range.start < range.end && range.end <= count).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(text: &str) -> Cmd {
        let mut command = Cmd::new();
        for word in text.split(' ') {
            command.arg(word);
        }
        command
    }

    // As CLUSTER KEYSLOT says.
    #[test]
    fn a_key_is_in_the_slot_that_redis_says() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        for (key, slot) in [("foo", 12182), ("{bull}:q:wait", 9263), ("", 0)] {
            assert_eq!(of_key(key.as_bytes()), slot, "{key}");
        }
        assert_eq!(of_key(b"{bull}:a:wait"), of_key(b"bull"));
        assert_eq!(of_key(b"a{}b"), crc16(b"a{}b") % SLOTS);
        assert_eq!(tag(b"a{b}{c}"), Some(b"b".as_slice()));
        assert_eq!(tag(b"{{b}}"), Some(b"{b".as_slice()));
        assert_eq!(tag(b"a{b"), None);
    }

    #[test]
    fn the_keys_of_a_command_are_found() {
        for (text, found) in [
            ("EVALSHA abc 2 k1 k2 a1 a2", vec!["k1", "k2"]),
            ("EVALSHA abc 0 a1", vec![]),
            ("EVALSHA abc 9 k1", vec![]),
            ("XREAD BLOCK 5 COUNT 1 STREAMS s1 s2 0 0", vec!["s1", "s2"]),
            ("XRANGE s - +", vec!["s"]),
            ("BZPOPMIN m1 m2 5.000", vec!["m1", "m2"]),
            ("HGETALL k", vec!["k"]),
            ("hmget k a b", vec!["k"]),
            ("DEL a b", vec!["a", "b"]),
            ("OBJECT ENCODING k", vec!["k"]),
            ("INFO", vec![]),
            ("CLIENT UNBLOCK 3", vec![]),
            ("SCRIPT LOAD x", vec![]),
        ] {
            let command = command(text);
            let keys: Vec<&[u8]> = keys(&command).collect();
            let found: Vec<&[u8]> = found.iter().map(|key| key.as_bytes()).collect();
            assert_eq!(keys, found, "{text}");
        }
    }

    #[test]
    fn keys_that_lie_apart_are_an_error_with_the_fix_for_both_sides() {
        let error = of_command(&command("EVALSHA abc 2 bull:q:wait bull:q:active")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`prefix` needs a hash tag on a cluster (`bull:q:wait` and `bull:q:active` lie in \
             different slots): start bullrs with `--prefix '{bull}'`, and give `prefix: '{bull}'` \
             to every Queue, Worker, QueueEvents and FlowProducer of the app"
        );
        let together = of_command(&command("EVALSHA abc 2 {bull}:q:wait {bull}:q:active"));
        assert_eq!(together.unwrap(), Some(of_key(b"bull")));
    }
}
