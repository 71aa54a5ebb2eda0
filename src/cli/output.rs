//! Standard output: data only. A reader that went away ends the command quietly.

use std::io::{self, Write as _};

use serde::Serialize;

use super::Abort;

/// Writes text as it is.
pub(super) fn text(text: &str) -> Result<(), Abort> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()?;
    Ok(())
}

/// Writes a value as indented JSON.
pub(super) fn json(value: &impl Serialize) -> Result<(), Abort> {
    let mut output = serde_json::to_string_pretty(value)
        .map_err(|error| Abort::new(super::Exit::Failed, "cannot write JSON").because(&error))?;
    output.push('\n');
    text(&output)
}

/// Rows in columns, each as wide as its widest cell; the last one runs free.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut lines = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.extend([cell, &*" ".repeat(2 + width - cell.chars().count())]);
        }
        lines.push_str(line.trim_end());
        lines.push('\n');
    }
    lines
}

/// Says on standard error what the user should know although the command went well.
pub(super) fn warn(text: &str) {
    let clean = super::given::known_secrets();
    eprintln!("warning: {}", clean.clean(text));
}
