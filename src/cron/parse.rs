//! Reads the text of a pattern.

use super::{
    Pattern,
    draw::Draw,
    field::{Days, Field, Numbers},
    list::{List, digits, quoted},
};
use crate::{Error, Result};

/// Longer patterns mean nothing: naming every value of every field takes half of it.
const LONGEST: usize = 1024;

impl Pattern {
    /// Reads a pattern of up to six fields: second, minute, hour, day of month, month, day of
    /// week. Missing fields are those on the left: the second is then 0, any other `*`.
    ///
    /// A field is a list of numbers, ranges (`1-5`) and steps (`*/15`, `10/20`, `1-30/7`); `*` or
    /// `?` is all of it. Months and weekdays may be named (`JAN`, `mon`), Sunday is 0 or 7. `L` is
    /// the last day of the month, `5L` its last Friday, `5#2` its second Friday. `H`, `H/15` and
    /// `H(0-29)/10` stand for numbers drawn from the pattern's own text; see
    /// [`parse_seeded`](Self::parse_seeded). `@yearly` to `@secondly`, `@weekdays` and `@weekends`
    /// are known by name.
    ///
    /// # Errors
    /// [`Error::Invalid`] of `pattern`, with the field and the rule it breaks.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_seeded(text, text)
    }

    /// Reads a pattern whose `H` are drawn from `seed`, such as the id of a job scheduler: the same
    /// seed always gives the same times, and different ones spread the load.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn parse_seeded(text: &str, seed: &str) -> Result<Self> {
        let fields = fields_of(predefined(text).unwrap_or(text))?;
        let mut draw = Draw::seeded(seed);
        let mut list = |field, written, longest| {
            List::read(field, written, &mut draw)
                .and_then(|list| list.distinct(longest))
                .map_err(|rule| invalid_field(field, written, &rule))
        };

        // The month comes before the days: that is the order in which stock draws for `H`.
        let [second, minute, hour, day_of_month, month, day_of_week] = fields;
        let (weekday, nth) = split_nth(day_of_week)?;
        let second = list(Field::Second, second, i8::MAX)?.numbers;
        let minute = list(Field::Minute, minute, i8::MAX)?.numbers;
        let hour = list(Field::Hour, hour, i8::MAX)?.numbers;
        let months = list(Field::Month, month, i8::MAX)?.numbers;
        let longest = longest_of(months);
        let of_month = list(Field::DayOfMonth, day_of_month, longest)?;
        let of_week = list(Field::DayOfWeek, weekday, i8::MAX)?;

        let days = Days {
            last_of_month: day_of_month.contains('L'),
            any_of_month: is_wildcard(day_of_month),
            of_month: of_month.numbers,
            last_of_week: of_week.last_weekdays(day_of_week),
            any_of_week: is_wildcard(day_of_week),
            of_week: of_week.numbers,
            nth,
        };
        check_reachable(longest, &days, day_of_month)?;
        Ok(Self {
            text: text.to_owned(),
            second,
            minute,
            hour,
            every_hour: hour.count() == 24,
            month: months,
            days,
        })
    }
}

fn predefined(name: &str) -> Option<&'static str> {
    Some(match name {
        "@yearly" | "@annually" => "0 0 0 1 1 *",
        "@monthly" => "0 0 0 1 * *",
        "@weekly" => "0 0 0 * * 0",
        "@daily" => "0 0 0 * * *",
        "@hourly" => "0 0 * * * *",
        "@minutely" => "0 * * * * *",
        "@secondly" => "* * * * * *",
        "@weekdays" => "0 0 0 * * 1-5",
        "@weekends" => "0 0 0 * * 0,6",
        _ => return None,
    })
}

/// The six fields as written, absent ones filled in.
fn fields_of(text: &str) -> Result<[&str; 6]> {
    if text.encode_utf16().count() > LONGEST {
        return Err(invalid(format!(
            "must be at most {LONGEST} characters long"
        )));
    }
    let mut fields = ["0", "*", "*", "*", "*", "*"];
    let written: Vec<&str> = text
        .split(is_script_space)
        .filter(|field| !field.is_empty())
        .take(fields.len() + 1)
        .collect();
    if written.is_empty() {
        return Err(invalid("must not be empty".into()));
    }
    let Some(absent) = fields.len().checked_sub(written.len()) else {
        return Err(invalid(format!(
            "must have at most 6 fields (second, minute, hour, day of month, month, day of week), \
             got {}",
            quoted(text)
        )));
    };
    for (field, written) in fields.iter_mut().skip(absent).zip(written) {
        *field = written;
    }
    Ok(fields)
}

/// White space as JavaScript's `\s` has it.
fn is_script_space(c: char) -> bool {
    c == '\u{feff}' || c != '\u{85}' && c.is_whitespace()
}

fn is_wildcard(written: &str) -> bool {
    matches!(written, "*" | "?")
}

/// The weekday part and the n of `weekday#n`.
fn split_nth(written: &str) -> Result<(&str, Option<i8>)> {
    let Some((weekday, nth)) = written.split_once('#') else {
        return Ok((written, None));
    };
    let fault = |rule: &str| Err(invalid_field(Field::DayOfWeek, written, rule));
    if written.contains([',', '-', '/']) {
        return fault("`#` goes with a single weekday, not with `,`, `-` or `/`");
    }
    match digits(nth) {
        Some((number @ 1..=5, "")) => Ok((weekday, i8::try_from(number).ok())),
        _ => fault("`#` must be followed by a number from 1 to 5"),
    }
}

/// How many days the month has at most, if it is a single one; else 31.
fn longest_of(months: Numbers) -> i8 {
    match months.first() {
        Some(2) if months.count() == 1 => 29,
        Some(4 | 6 | 9 | 11) if months.count() == 1 => 30,
        _ => 31,
    }
}

/// A single month must have one of the days; unless a weekday may stand in for it.
fn check_reachable(longest: i8, days: &Days, written: &str) -> Result<()> {
    let reachable = days.of_month.first().is_none_or(|day| day <= longest);
    if reachable || days.last_of_month || !days.any_of_week {
        return Ok(());
    }
    let rule = format!("the month has at most {longest} days");
    Err(invalid_field(Field::DayOfMonth, written, &rule))
}

fn invalid(rule: String) -> Error {
    Error::Invalid {
        field: "pattern",
        rule,
    }
}

fn invalid_field(field: Field, written: &str, rule: &str) -> Error {
    invalid(format!(
        "has a bad {field} field {}: {rule}",
        quoted(written)
    ))
}
