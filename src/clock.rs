//! The edge where real time and randomness come in; everything below takes them as arguments.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Where the clock stands; 0 while it runs.
static STANDS_AT: AtomicI64 = AtomicI64::new(0);

/// For tests that compare this library with another one: the whole process takes `at` (unix ms) for
/// the time until it is told another, or `None` for the machine's. Timers and the life times of keys
/// are not affected.
#[doc(hidden)]
pub fn stand_at(at: Option<i64>) {
    STANDS_AT.store(at.unwrap_or(0), Ordering::Relaxed);
}

/// How many ms the clock runs ahead of the machine's.
static AHEAD: AtomicI64 = AtomicI64::new(0);

/// For tests of fleets whose clocks differ: this process' clock runs ahead of the machine's by so
/// many ms, or behind it. Timers and the life times of keys are not affected.
#[doc(hidden)]
pub fn run_ahead(by: i64) {
    AHEAD.store(by, Ordering::Relaxed);
}

/// Unix milliseconds of this machine, which decide due times and ages (WIRE §8.3 item 10).
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that asks the clock"
)]
pub(crate) fn now() -> i64 {
    let stands_at = STANDS_AT.load(Ordering::Relaxed);
    if stands_at != 0 {
        return stands_at;
    }
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
        .saturating_add(AHEAD.load(Ordering::Relaxed))
}

/// A random number in `0..1`, for jitter.
pub(crate) fn random() -> f64 {
    let mut bytes = [0; 4];
    // Without randomness the middle is as good a guess as any.
    if getrandom::fill(&mut bytes).is_err() {
        return 0.5;
    }
    f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
}
