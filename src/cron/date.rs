//! Dates in options: numbers, or texts as JavaScript reads them.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use serde_json::Value;

use crate::{Error, Result, wire::saturating_int};

/// Reads a date option such as `startDate`, in ms since 1970. `null`, `0`, `false` and an empty
/// text are none.
///
/// A text is ISO 8601. With `Z` or an offset it is that moment; a day alone begins at UTC's
/// midnight, a day and time are those of `local`, as with JavaScript's `Date`.
///
/// # Errors
/// [`Error::Invalid`] of `field`.
pub fn read_date(value: &Value, field: &'static str, local: &TimeZone) -> Result<Option<i64>> {
    let invalid = || Error::Invalid {
        field,
        rule: "must be ms since 1970, or a date such as `2030-01-31T09:00:00Z`".into(),
    };
    match value {
        Value::Null | Value::Bool(false) => Ok(None),
        Value::String(text) if text.is_empty() => Ok(None),
        Value::String(text) => moment(text, local).map(Some).ok_or_else(invalid),
        Value::Number(number) => {
            let ms = number.as_f64().ok_or_else(invalid)?;
            Ok((ms != 0.0).then(|| saturating_int(ms)))
        }
        Value::Bool(true) | Value::Array(_) | Value::Object(_) => Err(invalid()),
    }
}

fn moment(text: &str, local: &TimeZone) -> Option<i64> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.as_millisecond());
    }
    let has_time = text.contains([':', 'T', 't']);
    if has_time {
        let shown = text.parse::<DateTime>().ok()?;
        return Some(local.to_timestamp(shown).ok()?.as_millisecond());
    }
    let midnight = text.parse::<Date>().ok()?.at(0, 0, 0, 0);
    Some(TimeZone::UTC.to_timestamp(midnight).ok()?.as_millisecond())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<Option<i64>> {
        let local = TimeZone::get("Europe/Paris").unwrap();
        read_date(value, "startDate", &local)
    }

    #[test]
    fn dates_read_as_javascript_reads_them() {
        for (value, ms) in [
            (json!(null), None),
            (json!(0), None),
            (json!(""), None),
            (json!(1_700_000_000_000_i64), Some(1_700_000_000_000)),
            (json!(1.7e12), Some(1_700_000_000_000)),
            (json!(1500.9), Some(1500)),
            (json!("2023-11-14T22:13:20.000Z"), Some(1_700_000_000_000)),
            (json!("2023-11-14T23:13:20+01:00"), Some(1_700_000_000_000)),
            (json!("2023-11-14T23:13:20"), Some(1_700_000_000_000)),
            (json!("2023-11-14"), Some(1_699_920_000_000)),
        ] {
            assert_eq!(read(&value).unwrap(), ms, "{value}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused_by_its_name() {
        for value in [json!("soon"), json!(true), json!([]), json!("2023-13-01")] {
            assert_eq!(
                read(&value).unwrap_err().to_string(),
                "`startDate` must be ms since 1970, or a date such as `2030-01-31T09:00:00Z`"
            );
        }
    }
}
