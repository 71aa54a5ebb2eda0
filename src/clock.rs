//! The edge where real time and randomness come in; everything below takes them as arguments.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix milliseconds of this machine, which decide due times and ages (WIRE §8.3 item 10).
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that asks the clock"
)]
pub(crate) fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
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
