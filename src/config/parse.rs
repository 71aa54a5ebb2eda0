//! Texts into values, the same for flags, the environment and the file. Pure.

use std::time::Duration;

use crate::wire::KeepJobs;

/// How many minutes of metrics stock `bullmq` suggests to keep: two weeks.
pub const METRICS_TWO_WEEKS: u32 = 14 * 24 * 60;

/// No duration may be longer: a year is more than any of them can mean.
const LONGEST: Duration = Duration::from_hours(365 * 24);

/// Reads `500ms`, `5s`, `2m`, `1h`; a bare number is milliseconds.
///
/// # Errors
/// What is wrong with the text, and how durations are written.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a duration; write `500ms`, `5s`, `2m` or `1h`");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit {
        "" | "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    if number.is_empty() {
        return Err(wrong());
    }
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .map(Duration::from_millis)
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(|| format!("`{text}` is longer than a year"))
}

/// Writes a duration the way [`duration`] reads it, in the largest unit that keeps it exact.
pub fn duration_text(duration: Duration) -> String {
    let millis = duration.as_millis();
    [(3_600_000, "h"), (60_000, "m"), (1_000, "s")]
        .into_iter()
        .find(|(factor, _)| millis > 0 && millis.is_multiple_of(*factor))
        .map_or_else(
            || format!("{millis}ms"),
            |(factor, unit)| format!("{}{unit}", millis / factor),
        )
}

/// Reads a yes or a no.
///
/// # Errors
/// When the text is neither.
pub fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("`{text}` is not `true` or `false`")),
    }
}

/// Reads a whole number of at least `least`.
///
/// # Errors
/// When the text is no such number.
pub(super) fn count(text: &str, least: u32) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(number) if number >= least => Ok(number),
        Ok(number) => Err(format!("must be at least {least}, got `{number}`")),
        Err(_) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(format!("`{text}` is larger than {}", u32::MAX))
        }
        Err(_) => Err(format!("`{text}` is not a whole number")),
    }
}

/// Reads `name:weight,…`.
///
/// # Errors
/// The first entry that is wrong.
pub(super) fn weight_list(text: &str) -> Result<Vec<(String, u32)>, String> {
    if text.contains("://") {
        return Err("is a list of queue names and weights, not a URL".into());
    }
    let mut weights: Vec<(String, u32)> = Vec::new();
    for entry in text.split(',') {
        let Some((name, weight)) = entry.trim().split_once(':') else {
            return Err(format!("`{entry}` is not `NAME:WEIGHT`"));
        };
        let weight = count(weight, 1).map_err(|why| format!("weight of queue `{name}`: {why}"))?;
        if weights.iter().any(|(known, _)| known == name) {
            return Err(format!("names queue `{name}` twice"));
        }
        weights.push((name.to_owned(), weight));
    }
    Ok(weights)
}

/// How much metrics history to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metrics {
    /// None.
    Off,
    /// This many minutes.
    Minutes(u32),
}

/// Reads `BULLMQ_METRICS_ENABLED`: a yes (two weeks, as stock suggests), a no, or minutes.
///
/// # Errors
/// When the text is none of these.
pub fn metrics(text: &str) -> Result<Metrics, String> {
    match switch(text) {
        Ok(true) => Ok(Metrics::Minutes(METRICS_TWO_WEEKS)),
        Ok(false) => Ok(Metrics::Off),
        Err(_) => count(text, 1)
            .map(Metrics::Minutes)
            .map_err(|_| format!("`{text}` is not `true`, `false` or a number of minutes")),
    }
}

/// A queue as `--queues` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSpec {
    /// The queue's name.
    pub name: String,
    /// What stands behind the colon.
    pub concurrency: Option<usize>,
}

/// Reads `name[:concurrency],…`, keeping the order.
///
/// # Errors
/// Every entry that is wrong.
pub fn queue_list(text: &str) -> Result<Vec<QueueSpec>, Vec<String>> {
    if text.contains("://") {
        // It may hold a password that, cut at its colons, nothing would recognise any more.
        return Err(vec!["is a list of queue names, not a URL".to_owned()]);
    }
    let mut specs: Vec<QueueSpec> = Vec::new();
    let mut wrong = Vec::new();
    for entry in text.split(',').map(str::trim) {
        let (name, concurrency) = match entry.split_once(':') {
            Some((name, concurrency)) => (name, Some(concurrency)),
            None => (entry, None),
        };
        if name.is_empty() {
            wrong.push(format!("`{text}` has an entry without a queue name"));
            continue;
        }
        if specs.iter().any(|spec| spec.name == name) {
            wrong.push(format!("names queue `{name}` twice"));
            continue;
        }
        let concurrency = match concurrency.map(|text| count(text, 1)).transpose() {
            Ok(concurrency) => concurrency.map(|number| number as usize),
            Err(error) => {
                wrong.push(format!("concurrency of queue `{name}`: {error}"));
                None
            }
        };
        specs.push(QueueSpec {
            name: name.to_owned(),
            concurrency,
        });
    }
    if wrong.is_empty() {
        Ok(specs)
    } else {
        wrong.dedup();
        Err(wrong)
    }
}

/// Reads what to keep of finished jobs: `true` removes them at once, `false` keeps all, a number
/// keeps that many, a duration with a unit keeps them that long, `100,1h` does both.
///
/// # Errors
/// When the text is none of these, or an age is shorter than a second (BullMQ counts seconds).
pub fn keep_jobs(text: &str) -> Result<KeepJobs, String> {
    let wrong = || {
        format!("`{text}` says not what to keep; write `true`, `false`, `100`, `24h` or `100,24h`")
    };
    match text {
        "true" => {
            return Ok(KeepJobs {
                count: Some(0.0),
                age: None,
                limit: None,
            });
        }
        "false" => return Ok(KeepJobs::ALL),
        _ => {}
    }
    let mut keep = KeepJobs {
        count: None,
        age: None,
        limit: None,
    };
    for part in text.split(',').map(str::trim) {
        let slot = if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            let number = count(part, 0)?;
            keep.count.replace(f64::from(number))
        } else {
            let age = duration(part).map_err(|_| wrong())?.as_secs();
            if age == 0 {
                return Err(format!("`{text}` keeps jobs for less than a second"));
            }
            let seconds = u32::try_from(age).map_err(|_| wrong())?;
            keep.age.replace(f64::from(seconds))
        };
        if slot.is_some() {
            return Err(wrong());
        }
    }
    Ok(keep)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_every_unit() {
        for (text, millis) in [
            ("500ms", 500),
            ("5s", 5_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("0", 0),
            ("1500", 1_500),
            ("8760h", 31_536_000_000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_the_way_to_write_one() {
        for text in [
            "", "s", "5x", "1.5s", "-5s", " 5s", "5 s", "1m30s", "5S", "٣s",
        ] {
            assert_eq!(
                duration(text),
                Err(format!(
                    "`{text}` is not a duration; write `500ms`, `5s`, `2m` or `1h`"
                )),
            );
        }
        for text in ["8761h", "18446744073709551615", "18446744073709551616s"] {
            assert_eq!(
                duration(text),
                Err(format!("`{text}` is longer than a year"))
            );
        }
    }

    #[test]
    fn a_written_duration_reads_back_as_itself() {
        for (millis, text) in [
            (0, "0ms"),
            (1, "1ms"),
            (1_500, "1500ms"),
            (25_000, "25s"),
            (90_000, "90s"),
            (120_000, "2m"),
            (7_200_000, "2h"),
        ] {
            let value = Duration::from_millis(millis);
            assert_eq!(duration_text(value), text);
            assert_eq!(duration(text), Ok(value));
        }
    }

    #[test]
    fn metrics_are_a_switch_or_minutes() {
        assert_eq!(METRICS_TWO_WEEKS, 20_160);
        for text in ["true", "1", "yes", "on", "TRUE"] {
            assert_eq!(metrics(text), Ok(Metrics::Minutes(20_160)), "{text}");
        }
        for text in ["false", "0", "no", "off"] {
            assert_eq!(metrics(text), Ok(Metrics::Off), "{text}");
        }
        assert_eq!(metrics("60"), Ok(Metrics::Minutes(60)));
        assert_eq!(
            metrics("often"),
            Err("`often` is not `true`, `false` or a number of minutes".into())
        );
    }

    #[test]
    fn queues_keep_their_order_and_their_concurrency() {
        let spec = |name: &str, concurrency| QueueSpec {
            name: name.into(),
            concurrency,
        };
        assert_eq!(
            queue_list("fineTune:2, content"),
            Ok(vec![spec("fineTune", Some(2)), spec("content", None)])
        );
    }

    #[test]
    fn every_wrong_entry_of_a_queue_list_is_named() {
        assert_eq!(
            queue_list("a:0,,b:x,a,c:"),
            Err(vec![
                "concurrency of queue `a`: must be at least 1, got `0`".into(),
                "`a:0,,b:x,a,c:` has an entry without a queue name".into(),
                "concurrency of queue `b`: `x` is not a whole number".into(),
                "names queue `a` twice".into(),
                "concurrency of queue `c`: `` is not a whole number".into(),
            ])
        );
    }

    #[test]
    fn weights_are_listed_with_their_queues() {
        assert_eq!(
            weight_list("a:3, b:1"),
            Ok(vec![("a".to_owned(), 3), ("b".to_owned(), 1)])
        );
        for (text, why) in [
            ("a", "`a` is not `NAME:WEIGHT`"),
            ("a:0", "weight of queue `a`: must be at least 1, got `0`"),
            ("a:1,a:2", "names queue `a` twice"),
            (
                "redis://x:1",
                "is a list of queue names and weights, not a URL",
            ),
        ] {
            assert_eq!(weight_list(text), Err(why.into()), "{text}");
        }
    }

    #[test]
    fn what_to_keep_is_a_switch_a_count_an_age_or_both() {
        let keep = |count, age| KeepJobs {
            count,
            age,
            limit: None,
        };
        for (text, expected) in [
            ("true", keep(Some(0.0), None)),
            ("false", KeepJobs::ALL),
            ("0", keep(Some(0.0), None)),
            ("100", keep(Some(100.0), None)),
            ("24h", keep(None, Some(86_400.0))),
            ("1500ms", keep(None, Some(1.0))),
            ("100,24h", keep(Some(100.0), Some(86_400.0))),
            ("24h, 100", keep(Some(100.0), Some(86_400.0))),
        ] {
            assert_eq!(keep_jobs(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "1,2",
            "1h,2h",
            "yes",
            "-1",
            "1,",
            "500ms",
            "99999999999",
        ] {
            assert!(keep_jobs(text).is_err(), "{text}");
        }
    }
}
