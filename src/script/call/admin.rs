//! What concerns a queue as a whole: pausing it, sweeping its jobs, its settings.

use redis::{Cmd, ToRedisArgs, Value};

use crate::{
    Error, Result,
    conn::Conn,
    script::{
        CLEAN_JOBS_IN_SET, DRAIN, MOVE_JOBS_TO_WAIT, OBLITERATE, PAUSE, REMOVE_ORPHANED_JOBS,
        SCAN_KEYS, reply,
    },
    wire::QueueKeys,
};

/// Keys below a job's own that go with it.
pub(crate) const JOB_PARTS: [&str; 6] = [
    "logs",
    "dependencies",
    "processed",
    "failed",
    "unsuccessful",
    "lock",
];

/// The keys of a queue that are no jobs (WIRE §1.2).
pub(crate) const QUEUE_PARTS: [&str; 18] = [
    "active",
    "wait",
    "waiting-children",
    "paused",
    "id",
    "delayed",
    "prioritized",
    "stalled-check",
    "completed",
    "failed",
    "stalled",
    "repeat",
    "limiter",
    "meta",
    "events",
    "pc",
    "marker",
    "de",
];

/// One bounded step of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stepped {
    /// Whether there may be more to do.
    pub(crate) again: bool,
    /// How many jobs it concerned.
    pub(crate) jobs: u64,
}

/// Stops the queue from handing out jobs.
pub(crate) async fn pause(conn: &Conn, keys: &QueueKeys) -> Result<()> {
    pause_step(conn, keys, true, true).await.map(drop)
}

/// Lets the queue hand out jobs again. The ids that a 5.x client left in `paused` move in steps.
pub(crate) async fn resume(conn: &Conn, keys: &QueueKeys) -> Result<()> {
    let mut emit = true;
    while pause_step(conn, keys, false, emit).await? > 0 {
        emit = false;
    }
    Ok(())
}

async fn pause_step(conn: &Conn, keys: &QueueKeys, pausing: bool, emit: bool) -> Result<i64> {
    let (source, target, event) = if pausing {
        ("wait", "paused", "paused")
    } else {
        ("paused", "wait", "resumed")
    };
    let rest = ["meta", "prioritized", "events", "delayed", "marker"];
    let names: Vec<String> = [source, target]
        .iter()
        .chain(&rest)
        .map(|suffix| keys.key(suffix))
        .collect();
    let mut command = PAUSE.on(&names);
    command.arg(event).arg(u8::from(emit));
    reply::int("pause", &PAUSE.call(conn, &command).await?)
}

/// Removes at most `most` waiting jobs, and delayed ones too when asked.
pub(crate) async fn drain(
    conn: &Conn,
    keys: &QueueKeys,
    delayed: bool,
    most: u64,
) -> Result<Stepped> {
    let suffixes = ["wait", "paused", "delayed", "prioritized", "repeat"];
    let mut command = DRAIN.on(&suffixes.map(|suffix| keys.key(suffix)));
    command.arg(keys.base()).arg(u8::from(delayed)).arg(most);
    stepped("drain", DRAIN.call(conn, &command).await?)
}

/// Removes at most `most` jobs of a paused queue, and the queue itself with the last of them.
pub(crate) async fn obliterate(
    conn: &Conn,
    keys: &QueueKeys,
    force: bool,
    most: u64,
) -> Result<Stepped> {
    let mut command = OBLITERATE.on(&[keys.key("meta"), keys.base().to_owned()]);
    command
        .arg(most)
        .arg(if force { "force" } else { "" })
        .arg("1");
    let queue = keys.queue().to_owned();
    match OBLITERATE.call(conn, &command).await? {
        Value::Int(-1) => Err(Error::NotPaused { queue }),
        Value::Int(-2) => Err(Error::ActiveJobs { queue }),
        reply => stepped("obliterate", reply),
    }
}

/// Makes at most `most` jobs of `state` with no higher score than `newest` (none: all) ready to run.
pub(crate) async fn move_jobs_to_wait(
    conn: &Conn,
    keys: &QueueKeys,
    state: &str,
    newest: Option<i64>,
    most: u64,
) -> Result<Stepped> {
    let suffixes = [
        "events", state, "wait", "paused", "meta", "active", "marker",
    ];
    let names: Vec<String> = std::iter::once(keys.base().to_owned())
        .chain(suffixes.iter().map(|suffix| keys.key(suffix)))
        .collect();
    let mut command = MOVE_JOBS_TO_WAIT.on(&names);
    command.arg(most);
    match newest {
        Some(newest) => command.arg(newest),
        None => command.arg("+inf"),
    };
    command.arg(state).arg("1");
    stepped(
        "moveJobsToWait",
        MOVE_JOBS_TO_WAIT.call(conn, &command).await?,
    )
}

/// Passes over `skip` ids of a state, looks at the next `most`, and removes those of them that
/// are no newer than `newest`. Gives how many were looked at, and the ids removed.
pub(crate) async fn clean(
    conn: &Conn,
    keys: &QueueKeys,
    state: &str,
    newest: i64,
    skip: u64,
    most: u64,
) -> Result<(u64, Vec<String>)> {
    let mut command =
        CLEAN_JOBS_IN_SET.on(&[keys.key(state), keys.key("events"), keys.key("repeat")]);
    command
        .arg(keys.base())
        .arg(newest)
        .arg(most)
        .arg(state)
        .arg(skip);
    let reply = CLEAN_JOBS_IN_SET.call(conn, &command).await?;
    let (looked, removed) = pair("cleanJobsInSet", reply)?;
    Ok((
        count("cleanJobsInSet", &looked)?,
        reply::fields("cleanJobsInSet", removed)?,
    ))
}

/// Some of the queue's keys without their common start, and where to go on (0: the end). Keys
/// that are not UTF-8 are left out.
pub(crate) async fn scan(
    conn: &Conn,
    keys: &QueueKeys,
    cursor: u64,
    about: u64,
) -> Result<(u64, Vec<String>)> {
    let mut command = SCAN_KEYS.on(&[keys.base()]);
    command
        .arg(cursor)
        .arg(format!("{}*", glob_literal(keys.base())))
        .arg(about);
    let (cursor, found) = pair("SCAN", SCAN_KEYS.call(conn, &command).await?)?;
    let suffixes = reply::array("SCAN", found)?
        .into_iter()
        .filter_map(|key| match key {
            Value::BulkString(bytes) => String::from_utf8(bytes).ok(),
            _ => None,
        })
        .filter_map(|key| key.strip_prefix(keys.base()).map(str::to_owned))
        .collect();
    Ok((count("SCAN", &cursor)?, suffixes))
}

/// Deletes those of these jobs that no state holds, and returns how many.
pub(crate) async fn remove_orphaned(conn: &Conn, keys: &QueueKeys, ids: &[String]) -> Result<u64> {
    let mut command = REMOVE_ORPHANED_JOBS.on(&[keys.base()]);
    command
        .arg(QUEUE_PARTS.len())
        .arg(&QUEUE_PARTS)
        .arg(JOB_PARTS.len())
        .arg(&JOB_PARTS)
        .arg(ids);
    let removed = REMOVE_ORPHANED_JOBS.call(conn, &command).await?;
    count("removeOrphanedJobs", &removed)
}

/// Sets fields of `meta`.
pub(crate) async fn set_meta(
    conn: &Conn,
    keys: &QueueKeys,
    fields: &[(&str, impl ToRedisArgs + Sync)],
) -> Result<()> {
    let mut command = Cmd::new();
    command.arg("HSET").arg(keys.key("meta"));
    for (field, value) in fields {
        command.arg(field).arg(value);
    }
    conn.call("HSET meta", &command).await.map(drop)
}

/// Removes fields of `meta`.
pub(crate) async fn remove_meta(conn: &Conn, keys: &QueueKeys, fields: &[&str]) -> Result<()> {
    let mut command = Cmd::new();
    command.arg("HDEL").arg(keys.key("meta")).arg(fields);
    conn.call("HDEL meta", &command).await.map(drop)
}

/// Removes a key of the queue and says whether it was there.
pub(crate) async fn remove_key(conn: &Conn, keys: &QueueKeys, suffix: &str) -> Result<bool> {
    let mut command = Cmd::new();
    command.arg("DEL").arg(keys.key(suffix));
    Ok(count("DEL", &conn.call("DEL", &command).await?)? > 0)
}

/// Cuts the event stream to about `length` entries and returns how many went.
pub(crate) async fn trim_events(conn: &Conn, keys: &QueueKeys, length: u64) -> Result<u64> {
    let mut command = Cmd::new();
    command
        .arg("XTRIM")
        .arg(keys.key("events"))
        .arg("MAXLEN")
        .arg("~")
        .arg(length);
    count("XTRIM", &conn.call("XTRIM", &command).await?)
}

fn stepped(operation: &'static str, reply: Value) -> Result<Stepped> {
    let (again, jobs) = pair(operation, reply)?;
    Ok(Stepped {
        again: reply::int(operation, &again)? != 0,
        jobs: count(operation, &jobs)?,
    })
}

fn pair(operation: &'static str, reply: Value) -> Result<(Value, Value)> {
    let items = reply::array(operation, reply)?;
    match <[Value; 2]>::try_from(items) {
        Ok([first, second]) => Ok((first, second)),
        Err(items) => Err(reply::unexpected(operation, &Value::Array(items))),
    }
}

fn count(operation: &'static str, reply: &Value) -> Result<u64> {
    reply::int(operation, reply).map(|number| u64::try_from(number).unwrap_or(0))
}

/// A text as a pattern that fits this text only.
fn glob_literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '^' | '-' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_with_a_star_is_no_pattern() {
        assert_eq!(glob_literal("{a}:q*[1]:"), r"{a}:q\*\[1\]:");
    }
}
