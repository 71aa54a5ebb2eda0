//! Reads one field of a pattern.

use super::{
    draw::Draw,
    expand::{draw_hashes, hash_range, spell_out_names, widen_wildcards},
    field::{Field, Numbers},
};

/// What a field lists.
#[derive(Debug, Default)]
pub(super) struct List {
    /// A range of weekdays up to Sunday has both 0 and 7.
    pub(super) numbers: Numbers,
    /// Those of them that are listed more than once.
    twice: Numbers,
    /// `L` and the like, in full.
    lasts: Vec<String>,
}

impl List {
    /// Reads a field. The error is the rule that it breaks.
    pub(super) fn read(field: Field, written: &str, draw: &mut Draw) -> Result<Self, String> {
        // Stock draws for each field, whether it has an `H` or not.
        let drawn = draw.next();
        let named = if field.knows_names() {
            spell_out_names(written)?
        } else {
            written.to_owned()
        };
        check_characters(field, &named)?;
        let widened = widen_wildcards(&named, field.range());
        Self::of(field, &draw_hashes(&widened, field.range(), drawn)?)
    }

    fn of(field: Field, text: &str) -> Result<Self, String> {
        let mut list = Self::default();
        for item in text.split(',') {
            list.add(field, item)?;
        }
        Ok(list)
    }

    fn add(&mut self, field: Field, item: &str) -> Result<(), String> {
        let (least, greatest) = field.range();
        if item.is_empty() {
            return Err("a list must not have empty items".into());
        }
        let (range, step) = match item.split_once('/') {
            None => (item.to_owned(), "1"),
            Some((_, step)) if step.contains('/') => {
                return Err(format!("{} must have one step only", quoted(item)));
            }
            Some((range, step)) if range.contains('-') => (range.to_owned(), step),
            Some((start, step)) => (format!("{start}-{greatest}"), step),
        };
        if let Some((start, end)) = range.split_once('-') {
            // What follows the number is ignored, as JavaScript's `parseInt` does.
            let number = |text| digits(text).map(|(number, _)| number);
            let (Some(start), Some(end)) = (number(start), number(end)) else {
                return Err(format!("{} must be a range of numbers", quoted(item)));
            };
            let (start, end) = (
                within(start, least, greatest)?,
                within(end, least, greatest)?,
            );
            if start > end {
                return Err(format!("range {start}-{end} must not run backwards"));
            }
            let Some((step @ 1.., _)) = digits(step) else {
                return Err(format!("{} must have a step of 1 or more", quoted(item)));
            };
            let mut numbers = Numbers::every(step, start, end);
            if field == Field::DayOfWeek && numbers.has(7) {
                numbers.add(0);
            }
            self.add_numbers(numbers);
            return Ok(());
        }
        if field.knows_last() && range.contains('L') {
            return self.add_last(field, &range);
        }
        let Some((number, "")) = digits(&range) else {
            return Err(format!("{} must be a number", quoted(&range)));
        };
        let mut number = within(number, least, greatest)?;
        if field == Field::DayOfWeek {
            number %= 7;
        }
        self.add_numbers(Numbers::every(1, number, number));
        Ok(())
    }

    fn add_numbers(&mut self, numbers: Numbers) {
        self.twice.join(self.numbers.and(numbers));
        self.numbers.join(numbers);
    }

    fn add_last(&mut self, field: Field, item: &str) -> Result<(), String> {
        let digits = item.strip_suffix('L').unwrap_or_default();
        let well_formed = digits.len() <= 2 && digits.bytes().all(|b| b.is_ascii_digit());
        if !well_formed || item.len() != digits.len() + 1 {
            return Err(format!("{} must be `L` or a number and `L`", quoted(item)));
        }
        if field == Field::DayOfWeek && digits.is_empty() {
            return Err("`L` needs a weekday before it, such as `5L`".into());
        }
        if self.lasts.iter().any(|last| last == item) {
            return Err(format!("{} is listed twice", quoted(item)));
        }
        self.lasts.push(item.to_owned());
        Ok(())
    }

    /// Refuses values that are listed twice. Stock first drops the days above `longest` that a
    /// single month does not have, unless that leaves none, and then no longer sees them.
    pub(super) fn distinct(self, longest: i8) -> Result<Self, String> {
        let some_are_left =
            !self.lasts.is_empty() || self.numbers.first().is_some_and(|day| day <= longest);
        match self.twice.first() {
            Some(number) if !some_are_left || number <= longest => {
                Err(format!("{number} is listed twice"))
            }
            _ => Ok(self),
        }
    }

    /// The weekdays whose last one of the month counts. As soon as there is an `L` anywhere in the
    /// field, that is all of them; that shows only together with `#`.
    pub(super) fn last_weekdays(&self, written: &str) -> Numbers {
        let mut weekdays = Numbers::default();
        if written.contains('L') {
            weekdays.join(self.numbers);
            for last in &self.lasts {
                // Stock looks at the first digit only.
                if let Some(digit) = last.bytes().next().and_then(|b| b.checked_sub(b'0')) {
                    weekdays.add(i8::try_from(digit % 7).unwrap_or_default());
                }
            }
        }
        weekdays
    }
}

/// Refuses characters that mean nothing. (Stock lets any through that stand beside an `H/` or
/// `H(`, and then mostly fails in another way.)
fn check_characters(field: Field, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("must not be empty".into());
    }
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            'H' => {
                if let Some((_, _, after)) = hash_range(rest.as_str()) {
                    rest = after.chars();
                }
            }
            '0'..='9' | '*' | '?' | ',' | '-' | '/' => {}
            'L' if field.knows_last() => {}
            _ => return Err(format!("must not have `{}` in it", c.escape_default())),
        }
    }
    Ok(())
}

fn within(number: u64, least: i8, greatest: i8) -> Result<i8, String> {
    i8::try_from(number)
        .ok()
        .filter(|number| (least..=greatest).contains(number))
        .ok_or_else(|| format!("{number} must be from {least} to {greatest}"))
}

/// The number that `text` starts with, and the rest; numbers beyond counting saturate.
pub(super) fn digits(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() {
        return None;
    }
    Some((digits.parse().unwrap_or(u64::MAX), rest))
}

/// For a message: not too much of what was written.
pub(super) fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    let mut shown: String = text
        .chars()
        .take(MOST)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}
