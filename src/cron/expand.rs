//! Writes out what is short for something else in a field: names, wildcards, `H`.
//!
//! All three are replaced in the text, whatever stands beside them, because stock does: `1*` in an
//! hour field is `10-23`, and `MONL` a last Monday.

use super::list::{digits, quoted};

const NAMES: [(&str, u8); 19] = [
    ("jan", 1),
    ("feb", 2),
    ("mar", 3),
    ("apr", 4),
    ("may", 5),
    ("jun", 6),
    ("jul", 7),
    ("aug", 8),
    ("sep", 9),
    ("oct", 10),
    ("nov", 11),
    ("dec", 12),
    ("sun", 0),
    ("mon", 1),
    ("tue", 2),
    ("wed", 3),
    ("thu", 4),
    ("fri", 5),
    ("sat", 6),
];

/// Replaces each three letters by the number of the month or weekday of that name. Both kinds are
/// known in both fields.
pub(super) fn spell_out_names(written: &str) -> Result<String, String> {
    let mut text = String::with_capacity(written.len());
    let mut rest = written.chars();
    loop {
        if let Some((name, after)) = leading_name(rest.as_str()) {
            let (_, number) = NAMES
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .ok_or_else(|| format!("`{name}` is no name of a month or weekday"))?;
            text.push_str(&number.to_string());
            rest = after.chars();
        } else if let Some(c) = rest.next() {
            text.push(c);
        } else {
            return Ok(text);
        }
    }
}

/// Three letters that `text` starts with, and the rest.
fn leading_name(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_at_checked(3)?;
    name.bytes()
        .all(|b| b.is_ascii_alphabetic())
        .then_some((name, rest))
}

/// Replaces `*` and `?` by the field's whole range.
pub(super) fn widen_wildcards(text: &str, (least, greatest): (i8, i8)) -> String {
    text.replace(['*', '?'], &format!("{least}-{greatest}"))
}

/// Replaces each `H`, `H(a-b)`, `H/n` and `H(a-b)/n` by what `drawn` (from 0 up to 1) picks.
pub(super) fn draw_hashes(text: &str, range: (i8, i8), drawn: f64) -> Result<String, String> {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('H') {
        replaced.push_str(before);
        rest = after;
        let mut range = (
            u64::from(range.0.unsigned_abs()),
            u64::from(range.1.unsigned_abs()),
        );
        if let Some((start, end, after)) = hash_range(rest) {
            rest = after;
            range = narrowed(start, end, range)?;
        }
        let step = rest.strip_prefix('/').and_then(digits);
        if let Some((step, after)) = step {
            rest = after;
            if step == 0 {
                return Err("`H` must have a step of 1 or more".into());
            }
            replaced.push_str(&stepped(range, step, drawn));
        } else {
            replaced.push_str(&picked(range, drawn).to_string());
        }
    }
    replaced.push_str(rest);
    Ok(replaced)
}

/// `a`, `b` and the rest of a text that starts with `(a-b)`.
pub(super) fn hash_range(text: &str) -> Option<(u64, u64, &str)> {
    let (start, rest) = digits(text.strip_prefix('(')?)?;
    let (end, rest) = digits(rest.strip_prefix('-')?)?;
    Some((start, end, rest.strip_prefix(')')?))
}

/// The part of `start` to `end` that the field can hold.
fn narrowed(start: u64, end: u64, (least, greatest): (u64, u64)) -> Result<(u64, u64), String> {
    if start > end {
        return Err(format!("range ({start}-{end}) must not run backwards"));
    }
    let range = (start.max(least), end.min(greatest));
    if range.0 > range.1 {
        let outside = quoted(&format!("({start}-{end})"));
        return Err(format!("{outside} must reach into {least} to {greatest}"));
    }
    Ok(range)
}

/// Each `step`-th number of the range from a drawn one on. A step too wide for the range leaves a
/// single number.
fn stepped((least, greatest): (u64, u64), step: u64, drawn: f64) -> String {
    let first = (least / step * step).saturating_add(share_of(step, drawn));
    let numbers: Vec<String> = (first..=greatest)
        .step_by(usize::try_from(step).unwrap_or(usize::MAX))
        .filter(|number| *number >= least)
        .map(|number| number.to_string())
        .collect();
    if numbers.is_empty() {
        return picked((least, greatest), drawn).to_string();
    }
    numbers.join(",")
}

fn picked((least, greatest): (u64, u64), drawn: f64) -> u64 {
    least + share_of(greatest - least + 1, drawn)
}

/// `drawn` of `whole`, rounded down.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a share of a small whole; a vast step rounds as it does in JavaScript"
)]
fn share_of(whole: u64, drawn: f64) -> u64 {
    (drawn * whole as f64).floor() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_three_letters_at_a_time() {
        assert_eq!(spell_out_names("MON-fri").unwrap(), "1-5");
        assert_eq!(spell_out_names("sunL,Dec").unwrap(), "0L,12");
        assert_eq!(spell_out_names("5L").unwrap(), "5L");
        assert!(spell_out_names("LMON").is_err());
        assert_eq!(spell_out_names("é€").unwrap(), "é€");
    }

    #[test]
    fn hashes_stay_within_their_range_and_step() {
        let hour = |text| draw_hashes(text, (0, 23), 0.5).unwrap();
        assert_eq!(hour("H"), "12");
        assert_eq!(hour("H(0-3)"), "2");
        assert_eq!(hour("H/6"), "3,9,15,21");
        assert_eq!(hour("H(9-17)/4"), "10,14");
        assert_eq!(hour("H(1-4)/10"), "3");
        assert_eq!(hour("H/99999999999999999999999"), "12");
        assert_eq!(hour("1,H(20-99)"), "1,22");
    }

    #[test]
    fn hashes_that_cannot_be_drawn_are_refused() {
        for text in ["H/0", "H(5-1)", "H(30-40)"] {
            assert!(draw_hashes(text, (0, 23), 0.5).is_err(), "{text}");
        }
    }
}
