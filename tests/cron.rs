//! Cron patterns and schedules through the public API. What is next due where is compared with npm
//! `cron-parser` in `compat-tests/cron`; here stand the rules, and what must hold for any text.

#![expect(clippy::unwrap_used, reason = "a test stops at its first surprise")]

use bullrs::{
    cron::{Next, Over, Pattern, Rhythm, Schedule, zone},
    wire::RepeatOpts,
};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use proptest::prelude::*;
use serde_json::json;

fn ms(utc: &str) -> i64 {
    utc.parse::<Timestamp>().unwrap().as_millisecond()
}

fn tz(name: &str) -> TimeZone {
    zone(name, &TimeZone::UTC).unwrap()
}

/// The next `count` times, each searched for from the one before, in UTC.
fn next(pattern: &str, name: &str, from: &str, count: usize) -> Vec<String> {
    let (pattern, zone) = (Pattern::parse(pattern).unwrap(), tz(name));
    let mut now = ms(from);
    let mut times = Vec::new();
    while times.len() < count {
        let Some(next) = pattern.next(now, &zone) else {
            break;
        };
        times.push(Timestamp::from_millisecond(next).unwrap().to_string());
        now = next;
    }
    times
}

#[test]
fn two_restricted_day_fields_are_alternatives() {
    assert_eq!(
        next("0 0 13 * 5", "UTC", "2024-01-10T00:00:00Z", 3),
        [
            "2024-01-12T00:00:00Z",
            "2024-01-13T00:00:00Z",
            "2024-01-19T00:00:00Z"
        ]
    );
}

#[test]
fn a_last_weekday_stands_beside_other_weekdays() {
    assert_eq!(
        next("0 0 * * 1,5L", "UTC", "2024-01-20T00:00:00Z", 3),
        [
            "2024-01-22T00:00:00Z",
            "2024-01-26T00:00:00Z",
            "2024-01-29T00:00:00Z"
        ]
    );
}

#[test]
fn leap_days_are_found_across_a_year_that_has_none() {
    assert_eq!(
        next("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 2),
        ["2104-02-29T00:00:00Z", "2108-02-29T00:00:00Z"]
    );
}

#[test]
fn the_hour_behind_a_gap_stands_in_for_the_skipped_one() {
    assert_eq!(
        next("30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", 2),
        ["2026-03-08T07:30:00Z", "2026-03-09T06:30:00Z"]
    );
    // A search that starts behind the gap has not seen it.
    assert_eq!(
        next("30 2 * * *", "America/New_York", "2026-03-08T07:10:00Z", 1),
        ["2026-03-09T06:30:00Z"]
    );
}

#[test]
fn a_repeated_hour_runs_once_if_hours_are_named_and_twice_if_not() {
    assert_eq!(
        next("0 1 * * *", "Europe/London", "2024-10-26T12:00:00Z", 2),
        ["2024-10-27T00:00:00Z", "2024-10-28T01:00:00Z"]
    );
    assert_eq!(
        next("0 * * * *", "Europe/London", "2024-10-26T23:30:00Z", 3),
        [
            "2024-10-27T00:00:00Z",
            "2024-10-27T01:00:00Z",
            "2024-10-27T02:00:00Z"
        ]
    );
}

#[test]
fn clocks_that_go_back_by_half_an_hour_do_not_end_a_schedule() {
    assert_eq!(
        next(
            "0 */2 * * *",
            "Australia/Lord_Howe",
            "2024-04-06T12:00:00Z",
            3
        ),
        [
            "2024-04-06T13:00:00Z",
            "2024-04-06T15:30:00Z",
            "2024-04-06T17:30:00Z"
        ]
    );
    assert_eq!(
        next(
            "10,20 * * * *",
            "Australia/Lord_Howe",
            "2024-04-06T14:20:00Z",
            2
        ),
        ["2024-04-06T15:40:00Z", "2024-04-06T15:50:00Z"]
    );
}

#[test]
fn a_day_that_a_zone_left_out_is_left_out() {
    assert_eq!(
        next("0 0 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", 3),
        [
            "2011-12-29T10:00:00Z",
            "2011-12-30T10:00:00Z",
            "2011-12-31T10:00:00Z"
        ]
    );
}

#[test]
fn hashes_stay_the_same_for_a_seed() {
    let due = |seed| {
        let pattern = Pattern::parse_seeded("H H * * *", seed).unwrap();
        let next = pattern.next(ms("2024-01-01T00:00:00Z"), &TimeZone::UTC);
        Timestamp::from_millisecond(next.unwrap())
            .unwrap()
            .to_string()
    };
    // What `cron-parser` draws for the same `hashSeed`.
    assert_eq!(due("daily-recap"), "2024-01-01T23:53:00Z");
    assert_ne!(due("weekly-recap"), due("daily-recap"));
    assert_eq!(
        next("H H * * *", "UTC", "2024-01-01T00:00:00Z", 1),
        next("H H * * *", "UTC", "2024-01-01T00:00:00Z", 1)
    );
}

#[test]
fn patterns_that_never_fit_end_the_search() {
    for pattern in ["0 0 31 2,4 *", "0 0 31 4,6,9,11 *"] {
        assert_eq!(
            next(pattern, "Europe/Paris", "2024-01-01T00:00:00Z", 1),
            [""; 0]
        );
    }
    let daily = Pattern::parse("@daily").unwrap();
    for far in [i64::MIN, i64::MAX, i64::MAX / 1000] {
        assert_eq!(daily.next(far, &TimeZone::UTC), None);
    }
}

#[test]
fn a_bad_pattern_is_refused_with_its_field_and_the_rule() {
    for (pattern, message) in [
        (
            "61 * * * *",
            "`pattern` has a bad minute field `61`: 61 must be from 0 to 59",
        ),
        (
            "0 22-2 * * *",
            "`pattern` has a bad hour field `22-2`: range 22-2 must not run backwards",
        ),
        (
            "1-5,3 * * * *",
            "`pattern` has a bad minute field `1-5,3`: 3 is listed twice",
        ),
        (
            "* * LW * *",
            "`pattern` has a bad day of month field `LW`: must not have `W` in it",
        ),
        (
            "* * * foo *",
            "`pattern` has a bad month field `foo`: `foo` is no name of a month or weekday",
        ),
        (
            "* * * * L",
            "`pattern` has a bad day of week field `L`: \
             `L` needs a weekday before it, such as `5L`",
        ),
        (
            "* * * * 1#9",
            "`pattern` has a bad day of week field `1#9`: \
             `#` must be followed by a number from 1 to 5",
        ),
        (
            "0 0 30 2 *",
            "`pattern` has a bad day of month field `30`: the month has at most 29 days",
        ),
        (
            "*/0 * * * *",
            "`pattern` has a bad minute field `*/0`: `0-59/0` must have a step of 1 or more",
        ),
        (
            "* * * * * * *",
            "`pattern` must have at most 6 fields (second, minute, hour, day of month, month, \
             day of week), got `* * * * * * *`",
        ),
        ("", "`pattern` must not be empty"),
        (" \t ", "`pattern` must not be empty"),
    ] {
        assert_eq!(Pattern::parse(pattern).unwrap_err().to_string(), message);
    }
    let long = Pattern::parse(&"1,".repeat(600)).unwrap_err().to_string();
    assert_eq!(long, "`pattern` must be at most 1024 characters long");
    let quoted = Pattern::parse(&"x".repeat(1000)).unwrap_err().to_string();
    assert!(quoted.len() < 300, "{quoted}");
}

fn repeat(options: serde_json::Value) -> RepeatOpts {
    serde_json::from_value(options).unwrap()
}

#[test]
fn a_schedule_goes_on_from_the_later_of_now_and_the_previous_time() {
    let options = repeat(json!({"pattern": "0 7 * * *", "tz": "Europe/Paris", "count": 3}));
    let schedule = Schedule::read(&options, "daily", &TimeZone::UTC).unwrap();
    let now = ms("2024-05-01T10:00:00Z");
    let due = |next: &str| Next::At(ms(next));
    assert_eq!(schedule.next(3, now, None), due("2024-05-02T05:00:00Z"));
    let early = Some(ms("2024-05-02T05:00:00Z"));
    assert_eq!(schedule.next(3, now, early), due("2024-05-03T05:00:00Z"));
    // Missed slots are left out.
    let late = Some(ms("2024-04-20T05:00:00Z"));
    assert_eq!(schedule.next(3, now, late), due("2024-05-02T05:00:00Z"));
}

#[test]
fn a_schedule_keeps_to_its_dates_and_its_limit() {
    let options = repeat(json!({
        "pattern": "0 0 * * *", "limit": 5,
        "startDate": ms("2024-05-10T12:00:00Z"), "endDate": "2024-05-12T00:00:00.000Z",
    }));
    let schedule = Schedule::read(&options, "x", &TimeZone::UTC).unwrap();
    let after = |now: &str| schedule.next(0, ms(now), None);
    let due = |next: &str| Next::At(ms(next));
    assert_eq!(after("2024-05-01T00:00:00Z"), due("2024-05-11T00:00:00Z"));
    assert_eq!(after("2024-05-11T00:00:00Z"), due("2024-05-12T00:00:00Z"));
    assert_eq!(after("2024-05-12T00:00:00Z"), Next::Over(Over::EndDate));
    assert_eq!(after("2024-05-13T00:00:00Z"), Next::Over(Over::EndDate));
    let now = ms("2024-05-01T00:00:00Z");
    assert_eq!(schedule.next(4, now, None), due("2024-05-11T00:00:00Z"));
    assert_eq!(schedule.next(5, now, None), Next::Over(Over::Limit));
    assert_eq!(schedule.next(u64::MAX, now, None), Next::Over(Over::Limit));
}

#[test]
fn an_interval_is_left_to_the_script() {
    let options = repeat(json!({"every": 5000, "offset": 100, "endDate": 2000, "limit": 2}));
    let schedule = Schedule::read(&options, "x", &TimeZone::UTC).unwrap();
    assert_eq!(schedule.rhythm, Rhythm::Every(5000));
    assert_eq!(schedule.offset, Some(100));
    assert_eq!(schedule.next(0, 1000, None), Next::ByInterval);
    assert_eq!(schedule.next(0, 2001, None), Next::Over(Over::EndDate));
    assert_eq!(schedule.next(2, 1000, None), Next::Over(Over::Limit));
}

#[test]
fn a_schedule_that_cannot_be_kept_is_refused() {
    for (options, message) in [
        (json!({}), "`pattern` or `every` must be given"),
        (
            json!({"pattern": "", "every": 0}),
            "`pattern` or `every` must be given",
        ),
        (
            json!({"pattern": "* * * * *", "every": 1}),
            "`every` must not be given with `pattern`",
        ),
        (json!({"every": -5}), "`every` must be 1 ms or more, got -5"),
        (
            json!({"pattern": "* * * * *", "tz": "+03:00"}),
            "`tz` must be an IANA time zone such as `Europe/Paris`, or `UTC+3`; got `+03:00`",
        ),
        (
            json!({"every": 1, "startDate": "tomorrow"}),
            "`startDate` must be ms since 1970, or a date such as `2030-01-31T09:00:00Z`",
        ),
    ] {
        let error = Schedule::read(&repeat(options), "x", &TimeZone::UTC).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
}

/// Texts that look like patterns, but need not be any.
fn patternlike() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "*",
        "?",
        ",",
        "-",
        "/",
        "L",
        "H",
        "#",
        "(",
        ")",
        "0",
        "1",
        "5",
        "7",
        "12",
        "31",
        "59",
        "MON",
        "feb",
        " ",
        "\t",
        "*/2",
        "1-5",
        "H(1-9)",
        "H/3",
        "5L",
        "é",
        "99999999999999999999",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

/// Patterns that read well.
fn pattern() -> impl Strategy<Value = String> {
    fn field(least: u8, greatest: u8) -> impl Strategy<Value = String> {
        prop_oneof![
            2 => Just("*".to_owned()),
            2 => (least..=greatest).prop_map(|n| n.to_string()),
            1 => (1..=greatest).prop_map(|n| format!("*/{n}")),
            1 => (least..=greatest, least..=greatest)
                .prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
            1 => prop::collection::btree_set(least..=greatest, 1..5).prop_map(|set| {
                set.iter().map(u8::to_string).collect::<Vec<_>>().join(",")
            }),
        ]
    }
    let fields = (
        field(0, 59),
        field(0, 59),
        field(0, 23),
        field(1, 28),
        field(1, 12),
        field(0, 6),
    );
    fields.prop_map(|(a, b, c, d, e, f)| format!("{a} {b} {c} {d} {e} {f}"))
}

const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "America/Havana",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Antarctica/Troll",
    "America/St_Johns",
];

/// Whether one field of a pattern made by [`pattern`] has `number` in it.
fn has(field: &str, number: i8, least: i8) -> bool {
    field.split(',').any(|item| {
        if item == "*" {
            return true;
        }
        if let Some(step) = item.strip_prefix("*/") {
            return (number - least) % step.parse::<i8>().unwrap() == 0;
        }
        let (start, end) = item.split_once('-').unwrap_or((item, item));
        (start.parse::<i8>().unwrap()..=end.parse().unwrap()).contains(&number)
    })
}

fn fits(pattern: &str, shown: DateTime) -> bool {
    let fields: Vec<&str> = pattern.split(' ').collect();
    let weekday = shown.weekday().to_sunday_zero_offset();
    let (in_month, in_week) = (has(fields[3], shown.day(), 1), has(fields[5], weekday, 0));
    let day = match (fields[3], fields[5]) {
        (_, "*") => in_month,
        ("*", _) => in_week,
        _ => in_month || in_week,
    };
    day && has(fields[0], shown.second(), 0)
        && has(fields[1], shown.minute(), 0)
        && has(fields[2], shown.hour(), 0)
        && has(fields[4], shown.month(), 1)
}

proptest! {
    #[test]
    fn reading_never_panics(text in any::<String>(), like in patternlike(), at in any::<i64>()) {
        for text in [&text, &like] {
            if let Ok(pattern) = Pattern::parse(text) {
                prop_assert_eq!(pattern.as_str(), text);
                let _ = pattern.next(at, &TimeZone::UTC);
            }
        }
    }

    #[test]
    fn the_next_time_is_later_and_a_whole_second(
        pattern in pattern(),
        zone in prop::sample::select(&ZONES[..]),
        at in 0..4_000_000_000_000_i64,
    ) {
        let read = Pattern::parse(&pattern).unwrap();
        let next = read.next(at, &tz(zone)).unwrap();
        prop_assert!(next > at, "{pattern} in {zone} after {at}: {next}");
        prop_assert_eq!(next % 1000, 0);
    }

    #[test]
    fn the_next_time_fits_and_none_before_it_does(
        pattern in pattern(),
        at in 0..4_000_000_000_000_i64,
    ) {
        let next = Pattern::parse(&pattern).unwrap().next(at, &TimeZone::UTC).unwrap();
        let shown = |ms| TimeZone::UTC.to_datetime(Timestamp::from_millisecond(ms).unwrap());
        prop_assert!(fits(&pattern, shown(next)), "{pattern} after {at}: {next}");
        // Ten minutes after the start and ten before the end, second by second.
        let first = (at / 1000 + 1) * 1000;
        let spans = [first..next.min(first + 600_000), first.max(next - 600_000)..next];
        for ms in spans.into_iter().flat_map(|span| span.step_by(1000)) {
            prop_assert!(!fits(&pattern, shown(ms)), "{pattern} after {at}: {ms}, not {next}");
        }
    }

    #[test]
    fn a_seed_always_gives_the_same_times(seed in ".{0,20}", at in 0..4_000_000_000_000_i64) {
        let read = || Pattern::parse_seeded("H H(0-29)/7 H/5 H H H", &seed).unwrap();
        prop_assert_eq!(read().next(at, &TimeZone::UTC), read().next(at, &TimeZone::UTC));
    }
}
