//! Time zones by the names that Node accepts.

use jiff::tz::{Offset, TimeZone};

use crate::{Error, Result};

/// The time zone of this name, as Luxon (and so `cron-parser`) reads `tz`: an IANA name in any
/// case, `UTC`, `UTC+3`, `UTC-3:30`, or one of Node's old three-letter names (`PST`, `IST`).
/// `local`, `system` and `default` are `local`. `+03:00` and `GMT+3` are no names of zones.
///
/// # Errors
/// [`Error::Invalid`] of `tz` when there is no such zone, in Node or in the machine's own tables.
pub fn zone(name: &str, local: &TimeZone) -> Result<TimeZone> {
    let lower = name.to_ascii_lowercase();
    match lower.as_str() {
        "local" | "system" | "default" => return Ok(local.clone()),
        "utc" | "gmt" => return Ok(TimeZone::UTC),
        _ => {}
    }
    if let Some(offset) = lower.strip_prefix("utc").and_then(offset) {
        return Ok(TimeZone::fixed(offset));
    }
    let old = OLD_NAMES.iter().find(|(old, _)| *old == lower);
    let iana = old.map_or(name, |(_, iana)| iana);
    let known_to_node = !NOT_IN_NODE.iter().any(|prefix| lower.starts_with(prefix));
    known_to_node
        .then(|| TimeZone::get(iana).ok())
        .flatten()
        .ok_or_else(|| Error::Invalid {
            field: "tz",
            rule: format!(
                "must be an IANA time zone such as `Europe/Paris`, or `UTC+3`; got {}",
                super::list::quoted(name)
            ),
        })
}

/// `+3`, `-03` or `+5:30`.
fn offset(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "00"));
    let number = |text: &str| {
        let all_digits = text.bytes().all(|b| b.is_ascii_digit());
        all_digits.then(|| text.parse::<i32>().ok()).flatten()
    };
    if !(1..=2).contains(&hours.len()) || minutes.len() != 2 {
        return None;
    }
    let seconds = sign * (number(hours)? * 3600 + number(minutes)? * 60);
    Offset::from_seconds(seconds).ok()
}

/// Files in the machine's tables that are no zones to Node.
const NOT_IN_NODE: [&str; 5] = ["posix/", "right/", "posixrules", "localtime", "factory"];

/// Names that Node still knows from the time before IANA's.
const OLD_NAMES: [(&str, &str); 25] = [
    ("act", "Australia/Darwin"),
    ("aet", "Australia/Sydney"),
    ("agt", "America/Argentina/Buenos_Aires"),
    ("art", "Africa/Cairo"),
    ("ast", "America/Anchorage"),
    ("bet", "America/Sao_Paulo"),
    ("bst", "Asia/Dhaka"),
    ("cat", "Africa/Maputo"),
    ("cnt", "America/St_Johns"),
    ("cst", "America/Chicago"),
    ("ctt", "Asia/Shanghai"),
    ("eat", "Africa/Nairobi"),
    ("ect", "Europe/Paris"),
    ("iet", "America/Indiana/Indianapolis"),
    ("ist", "Asia/Kolkata"),
    ("jst", "Asia/Tokyo"),
    ("mit", "Pacific/Apia"),
    ("net", "Asia/Yerevan"),
    ("nst", "Pacific/Auckland"),
    ("plt", "Asia/Karachi"),
    ("pnt", "America/Phoenix"),
    ("prt", "America/Puerto_Rico"),
    ("pst", "America/Los_Angeles"),
    ("sst", "Pacific/Guadalcanal"),
    ("vst", "Asia/Ho_Chi_Minh"),
];

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn offset_of(name: &str) -> Result<i32> {
        let summer = Timestamp::from_second(1_720_000_000).unwrap();
        Ok(zone(name, &TimeZone::UTC)?.to_offset(summer).seconds())
    }

    #[test]
    fn zones_are_known_by_the_names_that_node_takes() {
        for (name, seconds) in [
            ("UTC", 0),
            ("gmt", 0),
            ("local", 0),
            ("Etc/UTC", 0),
            ("UTC+3", 10_800),
            ("utc-03:30", -12_600),
            ("UTC+14:59", 53_940),
            ("UTC+05:75", 22_500),
            ("Europe/Paris", 7200),
            ("europe/PARIS", 7200),
            ("Asia/Calcutta", 19_800),
            ("PST", -25_200),
            ("EST", -18_000),
            ("Etc/GMT+3", -10_800),
        ] {
            assert_eq!(offset_of(name).unwrap(), seconds, "{name}");
        }
    }

    #[test]
    fn other_names_are_refused_with_what_was_written() {
        for name in [
            "",
            " UTC",
            "+03:00",
            "+3",
            "-0300",
            "Z",
            "GMT+3",
            "UTC+",
            "UTC+5:3",
            "UTC+123",
            "UTC+1:",
            "UTC+:30",
            "EDT",
            "Nope",
            "Europe/",
            "right/UTC",
            "localtime",
            "Factory",
            "../UTC",
            "é",
        ] {
            assert!(offset_of(name).is_err(), "{name}");
        }
        assert_eq!(
            offset_of("Mars/Base").unwrap_err().to_string(),
            "`tz` must be an IANA time zone such as `Europe/Paris`, or `UTC+3`; got `Mars/Base`"
        );
    }
}
