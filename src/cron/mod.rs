//! Time rules of cron patterns, as npm `cron-parser` 5 reads and applies them (WIRE §5.7). Pure:
//! the time, the zone and what `H` is drawn from are arguments.
//!
//! What is different on purpose: `H` is drawn from a text, so that it stays the same at each
//! parse; an empty pattern and characters that mean nothing are refused; and where clocks change
//! by half an hour a search goes on instead of giving up or going back in time.

mod date;
mod draw;
mod expand;
mod field;
mod list;
mod next;
mod parse;
mod schedule;
mod wall;
mod zone;

use std::fmt;

pub use date::read_date;
pub use schedule::{Next, Over, Rhythm, Schedule};
pub use zone::zone;

use field::{Days, Numbers};

/// A cron pattern that was read and understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    second: Numbers,
    minute: Numbers,
    hour: Numbers,
    /// Whether `hour` has all 24: then changes of the clocks are not made up for.
    every_hour: bool,
    month: Numbers,
    days: Days,
}

impl Pattern {
    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
