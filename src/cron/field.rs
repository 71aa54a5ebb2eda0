//! The six fields of a pattern, and the sets of numbers they allow.

use std::fmt;

use jiff::civil::Date;

/// One field of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Second,
    Minute,
    Hour,
    DayOfMonth,
    Month,
    DayOfWeek,
}

impl Field {
    /// The least and the greatest number that may stand in it; Sunday is both 0 and 7.
    pub(super) const fn range(self) -> (i8, i8) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 7),
        }
    }

    /// Whether `L` (last) means something in it.
    pub(super) const fn knows_last(self) -> bool {
        matches!(self, Self::DayOfMonth | Self::DayOfWeek)
    }

    /// Whether months and weekdays may stand in it by name.
    pub(super) const fn knows_names(self) -> bool {
        matches!(self, Self::Month | Self::DayOfWeek)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        })
    }
}

/// A set of the numbers 0 to 63, one bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Numbers(u64);

impl Numbers {
    /// The numbers from `first` to `last`, each `step`-th of them, starting with `first`.
    pub(super) fn every(step: u64, first: i8, last: i8) -> Self {
        let step = usize::try_from(step.max(1)).unwrap_or(usize::MAX);
        let mut numbers = Self::default();
        for number in (first..=last).step_by(step) {
            numbers.add(number);
        }
        numbers
    }

    pub(super) fn add(&mut self, number: i8) {
        self.0 |= bit(number);
    }

    pub(super) fn join(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(super) fn has(self, number: i8) -> bool {
        self.0 & bit(number) != 0
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.and(other) != Self::default()
    }

    pub(super) fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// The least number.
    pub(super) fn first(self) -> Option<i8> {
        if self.0 == 0 {
            return None;
        }
        i8::try_from(self.0.trailing_zeros()).ok()
    }

    /// The least number above `number`.
    pub(super) fn above(self, number: i8) -> Option<i8> {
        let up_to = bit(number) | bit(number).wrapping_sub(1);
        Self(self.0 & !up_to).first()
    }
}

/// No bit for a number that no field can hold.
fn bit(number: i8) -> u64 {
    u32::try_from(number)
        .ok()
        .and_then(|shift| 1_u64.checked_shl(shift))
        .unwrap_or(0)
}

/// What the two day fields allow together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Days {
    /// Days of the month; not consulted when `any_of_month` and the week is restricted.
    pub(super) of_month: Numbers,
    /// `L`: the month's last day, too.
    pub(super) last_of_month: bool,
    /// The field is exactly `*` or `?`. `1-31` is not: it counts as a restriction.
    pub(super) any_of_month: bool,
    /// Weekdays, Sunday 0.
    pub(super) of_week: Numbers,
    /// `#`: only the nth of its weekday in the month.
    pub(super) nth: Option<i8>,
    /// `5L`: weekdays whose last one of the month counts, too.
    pub(super) last_of_week: Numbers,
    /// The field is exactly `*` or `?`.
    pub(super) any_of_week: bool,
}

impl Days {
    /// Whether `date` is a day to run on. Two restricted fields are alternatives, as in Vixie cron.
    pub(super) fn has(&self, date: Date) -> bool {
        match (self.any_of_month, self.any_of_week) {
            (_, true) => self.has_in_month(date),
            (true, false) => self.has_in_week(date),
            (false, false) => self.has_in_month(date) || self.has_in_week(date),
        }
    }

    fn has_in_month(&self, date: Date) -> bool {
        self.of_month.has(date.day()) || self.last_of_month && date.day() == date.days_in_month()
    }

    fn has_in_week(&self, date: Date) -> bool {
        let weekday = date.weekday().to_sunday_zero_offset();
        let nth = (date.day() + 6) / 7;
        self.of_week.has(weekday) && self.nth.is_none_or(|wanted| wanted == nth)
            || self.last_of_week.has(weekday) && date.day() > date.days_in_month() - 7
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_step_and_are_found_in_order() {
        let numbers = Numbers::every(20, 10, 59);
        assert_eq!(numbers.first(), Some(10));
        assert_eq!(numbers.above(10), Some(30));
        assert_eq!(numbers.above(30), Some(50));
        assert_eq!(numbers.above(50), None);
        assert_eq!(numbers.count(), 3);
        assert_eq!(Numbers::default().first(), None);
    }

    #[test]
    fn numbers_outside_the_set_are_never_in_it() {
        let mut numbers = Numbers::every(u64::MAX, 0, 59);
        numbers.add(-1);
        numbers.add(64);
        assert_eq!(numbers.count(), 1);
        assert!(!numbers.has(-1) && !numbers.has(64) && !numbers.has(i8::MIN));
        assert_eq!(numbers.above(63), None);
    }
}
