//! The search for the next time that fits a pattern.

use jiff::tz::TimeZone;

use super::{
    Pattern,
    field::Numbers,
    wall::{Step, Wall},
};

/// How often a search may move on before it is given up. The rarest patterns that ever fit
/// (a fifth Monday in a February, across 2100) take about 1,600 moves.
const MOST_MOVES: u32 = 10_000;

impl Pattern {
    /// The first time after `after` that the pattern names on the clocks of `zone`; both in ms
    /// since 1970.
    ///
    /// When clocks go forward, the hour after the gap stands in for the skipped one: `30 2 * * *`
    /// runs at 03:30. When they go back, a pattern that names hours runs in the first pass only,
    /// and one that takes every hour runs in both. A search that starts between the two has not
    /// seen the change, and reads the clocks as they stand. (All as `cron-parser` 5 has it.)
    ///
    /// `None` when the pattern never fits again, as `0 0 31 2,4 *` never does, or not before the
    /// year 9999.
    pub fn next(&self, after: i64, zone: &TimeZone) -> Option<i64> {
        let mut search = Search::begin(self, after, zone)?;
        for _ in 0..MOST_MOVES {
            if search.fits_or_moves()? {
                return search.wall.second().checked_mul(1000);
            }
        }
        None
    }
}

/// A search under way.
#[derive(Debug)]
struct Search<'s> {
    pattern: &'s Pattern,
    after: i64,
    wall: Wall<'s>,
    /// The hour behind a gap that the search came across, if the pattern names a skipped hour.
    stand_in: Option<i8>,
    /// The hour that the search has entered for the second time.
    repeated: Option<i8>,
}

impl<'s> Search<'s> {
    fn begin(pattern: &'s Pattern, after: i64, zone: &'s TimeZone) -> Option<Self> {
        let mut search = Self {
            pattern,
            after,
            wall: Wall::at(zone, after.div_euclid(1000))?,
            stand_in: None,
            repeated: None,
        };
        if after.rem_euclid(1000) > 0 {
            search.step(Step::Second)?;
        }
        Some(search)
    }

    /// Whether the moment reached fits. If not, moves on by the largest unit that is wrong.
    fn fits_or_moves(&mut self) -> Option<bool> {
        let pattern = self.pattern;
        let shown = self.wall.shows();
        if !pattern.month.has(shown.month()) {
            self.wall = self.wall.next_month()?;
        } else if !pattern.days.has(shown.date()) {
            self.wall = self.wall.next_day()?;
        } else if self.stand_in == Some(shown.hour()) {
            return self.fits_within_hour();
        } else if self.repeated == Some(shown.hour()) {
            self.repeated = None;
            self.step(Step::Hour)?;
        } else if pattern.hour.has(shown.hour()) {
            return self.fits_within_hour();
        } else {
            self.stand_in = None;
            self.move_to_named_hour(shown.hour())?;
        }
        Some(false)
    }

    fn fits_within_hour(&mut self) -> Option<bool> {
        let pattern = self.pattern;
        let shown = self.wall.shows();
        let (hour, minute, second) = (shown.hour(), shown.minute(), shown.second());
        if !pattern.minute.has(minute) {
            if let Some(named) = pattern.minute.above(minute) {
                self.wall = self.wall.with_time(hour, named, pattern.second.first()?)?;
            } else {
                self.step(Step::Hour)?;
                self.enter_hour()?;
            }
        } else if !pattern.second.has(second) {
            if let Some(named) = pattern.second.above(second) {
                self.wall = self.wall.with_time(hour, minute, named)?;
            } else {
                self.step(Step::Minute)?;
                let shown = self.wall.shows();
                let first = pattern.second.first()?;
                self.wall = self.wall.with_time(shown.hour(), shown.minute(), first)?;
            }
        } else if self.wall.second().checked_mul(1000)? <= self.after {
            self.step(Step::Second)?;
        } else {
            return Some(true);
        }
        Some(false)
    }

    /// Moves to the next hour of this day that the pattern names, or to the next day.
    fn move_to_named_hour(&mut self, hour: i8) -> Option<()> {
        let Some(named) = self.pattern.hour.above(hour) else {
            self.wall = self.wall.next_day()?;
            return Some(());
        };
        if self.wall.is_on_day_of_change()? {
            // Hour by hour, so that a gap or a repeated hour on the way is noticed.
            for _ in hour..named {
                self.step(Step::Hour)?;
                if self.wall.shows().hour() >= named {
                    break;
                }
            }
        } else {
            let shown = self.wall.shows();
            self.wall = self.wall.with_time(named, shown.minute(), shown.second())?;
        }
        self.enter_hour()
    }

    /// Moves to the first minute and second of this hour that the pattern names.
    fn enter_hour(&mut self) -> Option<()> {
        let (minute, second) = (self.pattern.minute.first()?, self.pattern.second.first()?);
        self.wall = self
            .wall
            .with_time(self.wall.shows().hour(), minute, second)?;
        Some(())
    }

    /// Moves by one unit and notes when clocks were changed on the way.
    fn step(&mut self, step: Step) -> Option<()> {
        let before = self.wall;
        self.wall = before.step(step)?;
        let (left, entered) = (before.shows().hour(), self.wall.shows().hour());
        let advance = (entered - left).rem_euclid(24);
        if self.pattern.every_hour {
            // Nothing stands in for anything, and no hour is left out.
        } else if advance >= 2 && self.wall.is_ahead_of(&before) {
            let mut skipped = Numbers::default();
            for hour in 1..advance {
                skipped.add((left + hour) % 24);
            }
            self.stand_in = skipped.meets(self.pattern.hour).then_some(entered);
        } else if advance == 0 && self.wall.shows().minute() == 0 && self.wall.shows().second() == 0
        {
            self.repeated = Some(entered);
        }
        Some(())
    }
}
