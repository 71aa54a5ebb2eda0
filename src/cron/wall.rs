//! The clocks of a time zone: what they show at a moment, and the moment at which they show it.

use jiff::{
    Timestamp, ToSpan as _,
    civil::DateTime,
    tz::{Offset, TimeZone},
};

/// A moment, to the second, and what the clocks of a zone show at it.
///
/// Every move is `None` where it would leave the years that `jiff` knows (-9999 to 9999).
#[derive(Debug, Clone, Copy)]
pub(super) struct Wall<'z> {
    zone: &'z TimeZone,
    second: i64,
    offset: Offset,
    shows: DateTime,
}

/// A unit of time that a search steps by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Hour,
    Minute,
    Second,
}

impl<'z> Wall<'z> {
    pub(super) fn at(zone: &'z TimeZone, second: i64) -> Option<Self> {
        let moment = Timestamp::from_second(second).ok()?;
        let offset = zone.to_offset(moment);
        Some(Self {
            zone,
            second,
            offset,
            shows: offset.to_datetime(moment),
        })
    }

    /// What the clocks show.
    pub(super) fn shows(&self) -> DateTime {
        self.shows
    }

    /// Seconds since 1970.
    pub(super) fn second(&self) -> i64 {
        self.second
    }

    /// Whether the clocks stand further ahead of UTC than at `other`.
    pub(super) fn is_ahead_of(&self, other: &Self) -> bool {
        self.offset.seconds() > other.offset.seconds()
    }

    /// The moment at which the clocks show `wanted`.
    ///
    /// Where they show it twice, the one with this moment's offset, if it is one of the two.
    /// Where they skip it, the moment as long after the jump as `wanted` is into the skipped time.
    /// (Luxon resolves local times so, and `cron-parser` rests on it.)
    pub(super) fn when_showing(&self, wanted: DateTime) -> Option<Self> {
        let as_utc = Offset::UTC.to_timestamp(wanted).ok()?.as_second();
        let seen_from = |offset: Offset| Self::at(self.zone, as_utc - i64::from(offset.seconds()));

        let with_same_offset = seen_from(self.offset)?;
        if with_same_offset.offset == self.offset {
            return Some(with_same_offset);
        }
        let with_its_offset = seen_from(with_same_offset.offset)?;
        if with_its_offset.offset == with_same_offset.offset {
            return Some(with_its_offset);
        }
        seen_from(with_same_offset.offset.min(with_its_offset.offset))
    }

    /// This day at these times, in the sense of [`Self::when_showing`].
    pub(super) fn with_time(&self, hour: i8, minute: i8, second: i8) -> Option<Self> {
        self.when_showing(self.shows.date().at(hour, minute, second, 0))
    }

    /// The start of the day after.
    pub(super) fn next_day(&self) -> Option<Self> {
        let day_later = self.when_showing(self.shows.checked_add(1.day()).ok()?)?;
        day_later.with_time(0, 0, 0)
    }

    /// The start of the month after.
    pub(super) fn next_month(&self) -> Option<Self> {
        let month_later = self.when_showing(self.shows.checked_add(1.month()).ok()?)?;
        month_later.when_showing(month_later.shows.first_of_month().start_of_day())
    }

    /// The start of the next hour or minute, or the next second.
    ///
    /// Always later than this moment. Where clocks go back within an hour, the start of the hour
    /// that an hour later belongs to may lie behind (and `cron-parser` goes back to it, often for
    /// ever); then it is the start of the hour that comes next on the clocks as they stand.
    pub(super) fn step(&self, step: Step) -> Option<Self> {
        let (length, start_of): (i64, fn(DateTime) -> DateTime) = match step {
            Step::Second => return Self::at(self.zone, self.second + 1),
            Step::Minute => (60, start_of_minute),
            Step::Hour => (3600, start_of_hour),
        };
        let later = Self::at(self.zone, self.second + length)?;
        let stepped = later.when_showing(start_of(later.shows))?;
        if stepped.second > self.second {
            return Some(stepped);
        }
        let next_start = start_of(self.shows).checked_add(length.seconds()).ok()?;
        let stepped = self.when_showing(next_start)?;
        Some(if stepped.second > self.second {
            stepped
        } else {
            later
        })
    }

    /// Whether the clocks change between the start and the end of this day.
    pub(super) fn is_on_day_of_change(&self) -> Option<bool> {
        let start = self.with_time(0, 0, 0)?;
        let end = Self::at(self.zone, self.next_day()?.second - 1)?;
        Some(start.offset != end.offset)
    }
}

fn start_of_hour(shown: DateTime) -> DateTime {
    shown.date().at(shown.hour(), 0, 0, 0)
}

fn start_of_minute(shown: DateTime) -> DateTime {
    shown.date().at(shown.hour(), shown.minute(), 0, 0)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn at<'z>(zone: &'z TimeZone, utc: &str) -> Wall<'z> {
        Wall::at(zone, utc.parse::<Timestamp>().unwrap().as_second()).unwrap()
    }

    #[test]
    fn a_repeated_time_is_taken_in_the_pass_that_the_clocks_are_in() {
        let paris = zone("Europe/Paris");
        let wanted = date(2024, 10, 27).at(2, 30, 0, 0);
        let first = at(&paris, "2024-10-27T00:00:00Z")
            .when_showing(wanted)
            .unwrap();
        let second = at(&paris, "2024-10-27T01:00:00Z")
            .when_showing(wanted)
            .unwrap();
        assert_eq!(first.second, at(&paris, "2024-10-27T00:30:00Z").second);
        assert_eq!(second.second, at(&paris, "2024-10-27T01:30:00Z").second);
    }

    #[test]
    fn a_skipped_time_is_moved_behind_the_gap() {
        let paris = zone("Europe/Paris");
        let wall = at(&paris, "2024-03-31T00:00:00Z");
        let moved = wall.with_time(2, 30, 0).unwrap();
        assert_eq!(moved.shows, date(2024, 3, 31).at(3, 30, 0, 0));
        assert!(wall.is_on_day_of_change().unwrap());
        assert!(!wall.next_day().unwrap().is_on_day_of_change().unwrap());
    }

    #[test]
    fn every_step_leads_on_where_clocks_change_by_half_an_hour() {
        let lord_howe = zone("Australia/Lord_Howe");
        let end = at(&lord_howe, "2024-04-07T00:00:00Z").second;
        for step in [Step::Hour, Step::Minute, Step::Second] {
            let mut wall = at(&lord_howe, "2024-04-06T10:00:00Z");
            while wall.second < end {
                let next = wall.step(step).unwrap();
                assert!(next.second > wall.second && next.second - wall.second <= 2 * 3600);
                wall = next;
            }
        }
    }

    #[test]
    fn no_move_leaves_the_known_years() {
        let utc = TimeZone::UTC;
        assert!(at(&utc, "9999-12-30T12:00:00Z").next_month().is_none());
        assert!(Wall::at(&utc, i64::MAX).is_none());
    }
}
