//! Writes the assembled scripts where another BullMQ client can load them.

use std::{fs, io, path::Path};

use super::{Script, assemble, table};

/// Writes every script as `DIR/<name>-<number of keys>.lua` and returns how many there are.
///
/// Scripts with a stock counterpart carry its name and key count (`moveToActive-11.lua`), so that
/// stock `bullmq` can run on them; ours carry their own.
///
/// # Errors
/// When the folder or a file cannot be written.
pub fn export(folder: &Path) -> io::Result<usize> {
    fs::create_dir_all(folder)?;
    for script in table::COMMANDS {
        fs::write(
            folder.join(format!("{}.lua", exported_name(script))),
            &script.assembled().text,
        )?;
    }
    Ok(table::COMMANDS.len())
}

/// `<stock name>-<keys>` from the header's `bullmq` line, else our own name with its key count.
fn exported_name(script: &Script) -> String {
    let (header, body) = assemble::split_header(script.source);
    let stock =
        assemble::header_field(header, "bullmq").and_then(|field| field.split_whitespace().next());
    match stock {
        Some(stock) if stock.contains('-') => stock.trim_end_matches(';').to_owned(),
        _ => format!("{}-{}", camel(script.name), key_count(body)),
    }
}

/// How many names stand before `= unpack(KEYS)`.
fn key_count(body: &str) -> usize {
    body.split_once("= unpack(KEYS)").map_or(0, |(names, _)| {
        names
            .rsplit("local ")
            .next()
            .unwrap_or_default()
            .split(',')
            .count()
    })
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut text, word| {
        let mut letters = word.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.push_str(letters.as_str());
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stock_counterpart_gives_the_name() {
        let script = Script::new(
            "move_to_active",
            "-- X.\n-- bullmq moveToActive-11\nlocal a = unpack(KEYS)\n",
        );
        assert_eq!(exported_name(&script), "moveToActive-11");
    }

    #[test]
    fn our_own_scripts_count_their_keys() {
        let script = Script::new(
            "finish_and_claim",
            "-- X.\n-- bullmq none\nlocal a, b,\n  c = unpack(KEYS)\n",
        );
        assert_eq!(exported_name(&script), "finishAndClaim-3");
    }
}
