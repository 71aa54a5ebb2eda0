//! When a scheduler's next iteration is due (WIRE §5.7).

use jiff::tz::TimeZone;

use super::{Pattern, read_date, zone};
use crate::{
    Error, Result,
    wire::{RepeatOpts, saturating_int},
};

/// What makes a schedule's times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rhythm {
    /// A cron pattern.
    Cron(Pattern),
    /// An interval in ms. The script that stores the next iteration computes when that is.
    Every(i64),
}

/// The timing of a job scheduler, as in `opts.repeat`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Schedule {
    /// What makes the times.
    pub rhythm: Rhythm,
    /// The zone that the pattern is meant in; the process's own if none was given.
    pub zone: TimeZone,
    /// No iteration before this; ms since 1970.
    pub start_date: Option<i64>,
    /// No iteration after this; ms since 1970.
    pub end_date: Option<i64>,
    /// How many iterations there may be.
    pub limit: Option<u64>,
    /// How far an interval is shifted from its multiples, in ms.
    pub offset: Option<i64>,
}

/// When the next iteration is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// At this time, in ms since 1970.
    At(i64),
    /// The schedule is an interval: the script computes the time.
    ByInterval,
    /// Never: the schedule is over.
    Over(Over),
}

/// Why there is no next iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// There were as many as `limit` allows.
    Limit,
    /// `endDate` has passed, or the next time would be after it.
    EndDate,
    /// The pattern never fits again.
    Pattern,
}

impl Schedule {
    /// A schedule of one cron pattern, in `zone`, for ever.
    pub fn cron(pattern: Pattern, zone: TimeZone) -> Self {
        Self::of(Rhythm::Cron(pattern), zone)
    }

    fn of(rhythm: Rhythm, zone: TimeZone) -> Self {
        Self {
            rhythm,
            zone,
            start_date: None,
            end_date: None,
            limit: None,
            offset: None,
        }
    }

    /// Reads a scheduler's options. `seed` is what `H` in a pattern is drawn from: the scheduler's
    /// id. `local` is the zone of options that name none.
    ///
    /// # Errors
    /// [`Error::Invalid`] of `pattern`, `every`, `tz`, `startDate` or `endDate`.
    pub fn read(repeat: &RepeatOpts, seed: &str, local: &TimeZone) -> Result<Self> {
        // As in JavaScript, an empty pattern and an interval of 0 are none.
        let pattern = repeat.pattern.as_deref().filter(|text| !text.is_empty());
        let every = repeat.every.filter(|every| *every != 0.0);
        let rhythm = match (pattern, every) {
            (Some(text), None) => Rhythm::Cron(Pattern::parse_seeded(text, seed)?),
            (None, Some(every)) => Rhythm::Every(interval(every)?),
            (Some(_), Some(_)) => return Err(invalid("every", "must not be given with `pattern`")),
            (None, None) => return Err(invalid("pattern", "or `every` must be given")),
        };
        let zone = match repeat.tz.as_deref() {
            Some(name) => zone(name, local)?,
            None => local.clone(),
        };
        let date = |value: &Option<_>, field| match value {
            Some(value) => read_date(value, field, local),
            None => Ok(None),
        };
        Ok(Self {
            start_date: date(&repeat.start_date, "startDate")?,
            end_date: date(&repeat.end_date, "endDate")?,
            limit: repeat.limit.map(whole),
            offset: repeat
                .offset
                .map(saturating_int)
                .filter(|offset| *offset != 0),
            ..Self::of(rhythm, zone)
        })
    }

    /// When the iteration after one with `count` (`opts.repeat.count`) is due.
    ///
    /// `now` and `previous` (`opts.prevMillis`, when the iteration that starts now was due) are in
    /// ms since 1970. A cron schedule goes on from the later of the two: slots that passed while
    /// nobody worked are left out.
    pub fn next(&self, count: u64, now: i64, previous: Option<i64>) -> Next {
        if self
            .limit
            .is_some_and(|limit| count.saturating_add(1) > limit)
        {
            return Next::Over(Over::Limit);
        }
        if self.end_date.is_some_and(|end| end < now) {
            return Next::Over(Over::EndDate);
        }
        let pattern = match &self.rhythm {
            Rhythm::Cron(pattern) => pattern,
            Rhythm::Every(_) => return Next::ByInterval,
        };
        let base = now.max(previous.unwrap_or(now));
        let base = self.start_date.map_or(base, |start| start.max(base));
        match pattern.next(base, &self.zone) {
            None => Next::Over(Over::Pattern),
            Some(next) if self.end_date.is_some_and(|end| next > end) => Next::Over(Over::EndDate),
            Some(next) => Next::At(next),
        }
    }
}

fn interval(every: f64) -> Result<i64> {
    if every.is_finite() && every >= 1.0 {
        return Ok(saturating_int(every));
    }
    Err(invalid(
        "every",
        &format!("must be 1 ms or more, got {every}"),
    ))
}

/// A limit as the greatest whole number in it; negative ones allow nothing.
fn whole(number: f64) -> u64 {
    u64::try_from(saturating_int(number.floor())).unwrap_or(0)
}

fn invalid(field: &'static str, rule: &str) -> Error {
    Error::Invalid {
        field,
        rule: rule.to_owned(),
    }
}
