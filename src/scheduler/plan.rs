//! When a scheduler's next job is due, and what its options say of the schedule (WIRE §5.7). Pure.
//! Workers and the client share it, so that they cannot disagree.

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::{
    Result,
    cron::{Next, Over, Rhythm, Schedule},
    wire::{RepeatOpts, saturating_int},
};

/// The next iteration of a schedule.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Planned {
    /// Unix ms of a cron slot; none for an interval, whose slot the script computes.
    pub(crate) slot: Option<i64>,
    /// `opts.repeat` of the job that is made for it.
    pub(crate) repeat: Map<String, Value>,
}

/// The iteration after one whose `opts.repeat` is `repeat`, or why there is none.
///
/// `stored` is the same `opts.repeat` with all its fields, `previous` when that iteration was due.
pub(crate) fn plan(
    scheduler: &str,
    repeat: &RepeatOpts,
    stored: &Map<String, Value>,
    previous: Option<i64>,
    now: i64,
    local: &TimeZone,
) -> Result<std::result::Result<Planned, Over>> {
    let schedule = Schedule::read(repeat, scheduler, local)?;
    let count = count(repeat);
    let slot = match schedule.next(count, now, previous) {
        Next::Over(over) => return Ok(Err(over)),
        Next::At(slot) => Some(slot),
        Next::ByInterval => None,
    };
    Ok(Ok(Planned {
        slot,
        repeat: next_repeat(stored, &schedule, count),
    }))
}

/// How many iterations came before.
pub(super) fn count(repeat: &RepeatOpts) -> u64 {
    repeat
        .count
        .map_or(0, |count| u64::try_from(saturating_int(count)).unwrap_or(0))
}

/// `opts.repeat` of the job after `count` others.
pub(super) fn next_repeat(
    stored: &Map<String, Value>,
    schedule: &Schedule,
    count: u64,
) -> Map<String, Value> {
    let mut next = stored.clone();
    next.remove("immediately");
    next.insert("count".into(), json!(count + 1));
    // Only an interval has an offset.
    match (&schedule.rhythm, schedule.offset) {
        (Rhythm::Every(_), Some(offset)) => next.insert("offset".into(), json!(offset)),
        _ => next.remove("offset"),
    };
    for (field, date) in [
        ("startDate", schedule.start_date),
        ("endDate", schedule.end_date),
    ] {
        match date {
            Some(date) => next.insert(field.into(), json!(date)),
            None => next.remove(field),
        };
    }
    next
}

/// The slot after `previous` of an interval, as the script has it when a worker asks at `now`
/// (WIRE §4.7).
fn slot_after(previous: i64, every: i64, offset: i64, now: i64) -> i64 {
    let next = previous.saturating_add(every);
    if next >= now {
        return next;
    }
    let aligned = (now.div_euclid(every) * every).saturating_add(offset);
    if aligned > now {
        aligned
    } else {
        aligned.saturating_add(every)
    }
}

/// Up to `most` slots, from that of an iteration that is armed with `opts.repeat.count` = `count`,
/// if each iteration starts when it is due, or at `now` if that is later.
pub(super) fn upcoming(
    schedule: &Schedule,
    armed: i64,
    count: u64,
    now: i64,
    most: usize,
) -> Vec<i64> {
    let mut slots = Vec::new();
    let mut next = Some(armed);
    let mut count = count;
    while let Some(slot) = next.filter(|_| slots.len() < most) {
        slots.push(slot);
        let starts = slot.max(now);
        next = match schedule.next(count, starts, Some(slot)) {
            Next::Over(_) => None,
            Next::At(next) => Some(next),
            Next::ByInterval => match schedule.rhythm {
                Rhythm::Every(every) => {
                    let offset = schedule.offset.unwrap_or_else(|| slot.rem_euclid(every));
                    Some(slot_after(slot, every, offset, starts))
                }
                Rhythm::Cron(_) => None,
            },
        };
        count = count.saturating_add(1);
    }
    slots
}

/// When a new scheduler of this interval runs first (WIRE §4.7).
pub(super) fn first_of_interval(schedule: &Schedule, every: i64, now: i64) -> i64 {
    match (schedule.start_date, schedule.offset) {
        (Some(start), _) => start.max(now),
        (None, Some(offset)) if offset > 0 => {
            let aligned = (now.div_euclid(every) * every).saturating_add(offset);
            if aligned > now {
                aligned
            } else {
                aligned.saturating_add(every)
            }
        }
        _ => now,
    }
}

/// Whether this may be a repeatable's key of a client before job schedulers:
/// `name:id:endDate:tz:` and then a pattern with spaces or a number (WIRE §1.5).
pub(crate) fn has_legacy_shape(key: &str) -> bool {
    let mut parts = key.splitn(5, ':').skip(2);
    let (Some(end_date), Some(_), Some(suffix)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(end_date) && !suffix.is_empty() && (suffix.contains(' ') || is_digits(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeat(stored: &Value) -> RepeatOpts {
        serde_json::from_value(stored.clone()).unwrap()
    }

    fn planned(stored: &Value, previous: Option<i64>, now: i64) -> Option<Planned> {
        let map = stored.as_object().unwrap();
        plan("s", &repeat(stored), map, previous, now, &TimeZone::UTC)
            .unwrap()
            .ok()
    }

    #[test]
    fn a_cron_schedule_goes_on_from_the_later_of_now_and_its_last_slot() {
        let stored = json!({"pattern": "* * * * *", "count": 4, "immediately": true, "offset": 9});
        let next = planned(&stored, Some(60_000), 30_000).unwrap();
        assert_eq!(next.slot, Some(120_000));
        assert_eq!(
            Value::Object(next.repeat),
            json!({"pattern": "* * * * *", "count": 5})
        );
    }

    #[test]
    fn an_interval_leaves_the_slot_to_the_script() {
        let stored = json!({"every": 1000, "count": 1, "offset": 7, "startDate": "2030-01-01"});
        let next = planned(&stored, None, 5000).unwrap();
        assert_eq!(next.slot, None);
        assert_eq!(
            Value::Object(next.repeat),
            json!({"every": 1000, "count": 2, "offset": 7, "startDate": 1_893_456_000_000_i64})
        );
    }

    #[test]
    fn a_schedule_that_is_over_plans_nothing() {
        for stored in [
            json!({"every": 1000, "count": 3, "limit": 3}),
            json!({"every": 1000, "endDate": 4999}),
        ] {
            assert_eq!(planned(&stored, None, 5000), None, "{stored}");
        }
    }

    #[test]
    fn slots_of_an_interval_are_foreseen_as_the_script_will_compute_them() {
        let schedule =
            |stored: Value| Schedule::read(&repeat(&stored), "s", &TimeZone::UTC).unwrap();
        let plain = schedule(json!({"every": 1000}));
        assert_eq!(upcoming(&plain, 5300, 1, 0, 3), [5300, 6300, 7300]);
        // Two slots were missed: the next is the first after now that is as far off as before.
        assert_eq!(upcoming(&plain, 5300, 1, 7900, 3), [5300, 8300, 9300]);
        let limited = schedule(json!({"every": 1000, "limit": 3}));
        assert_eq!(upcoming(&limited, 5000, 2, 0, 9), [5000, 6000]);
        let ended = schedule(json!({"every": 1000, "endDate": 6500}));
        assert_eq!(upcoming(&ended, 5000, 1, 0, 9), [5000, 6000, 7000]);
    }

    #[test]
    fn keys_of_old_repeatables_are_told_by_their_shape() {
        assert!(has_legacy_shape("mail:::Europe/Paris:0 7 * * *"));
        assert!(has_legacy_shape("mail:id:1700000000000::5000"));
        for key in ["daily-recap", "a:b:c:d:e", "a:b::d:e", "a:b::d:", "a:b:1:2"] {
            assert!(!has_legacy_shape(key), "{key}");
        }
    }
}
