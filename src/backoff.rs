//! How long to wait before the next attempt (WIRE §5.5). Pure: the random number is an argument.

use crate::wire::{BackoffOpts, saturating_int};

/// The delay in ms before the attempt after the `attempts_made`-th (from 1).
///
/// `random` is a number in `0..1`. Values too large for JavaScript's exact integers saturate.
/// `None` means that the type is not one of the built-in ones.
pub fn delay(backoff: &BackoffOpts, attempts_made: u32, random: f64) -> Option<u64> {
    let base = backoff
        .delay
        .filter(|delay| delay.is_finite())
        .unwrap_or(0.0)
        .max(0.0);
    let full = match backoff.kind.as_str() {
        "fixed" => base,
        "exponential" => {
            let doublings = attempts_made.saturating_sub(1).min(1100);
            (2_f64.powi(i32::try_from(doublings).unwrap_or(i32::MAX)) * base).round()
        }
        _ => return None,
    };
    let full = full.min(LONGEST);
    let jitter = backoff.jitter.unwrap_or(0.0).clamp(0.0, 1.0);
    let delay = if jitter > 0.0 {
        (random * full * jitter + full * (1.0 - jitter)).floor()
    } else {
        full
    };
    u64::try_from(saturating_int(delay)).ok()
}

/// A hundred years in ms: beyond it a delayed score would no longer fit a double exactly.
const LONGEST: f64 = 100.0 * 365.0 * 86_400_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff(kind: &str, delay: f64, jitter: Option<f64>) -> BackoffOpts {
        serde_json::from_value(serde_json::json!({"type": kind, "delay": delay, "jitter": jitter}))
            .unwrap()
    }

    #[test]
    fn fixed_is_the_same_each_time_and_exponential_doubles() {
        let fixed = backoff("fixed", 1000.0, None);
        let exponential = backoff("exponential", 1000.0, None);
        assert_eq!([1, 2, 9].map(|n| delay(&fixed, n, 0.5)), [Some(1000); 3]);
        assert_eq!(
            [1, 2, 3, 4].map(|n| delay(&exponential, n, 0.5)),
            [Some(1000), Some(2000), Some(4000), Some(8000)]
        );
    }

    #[test]
    fn jitter_takes_from_the_share_it_names() {
        let half = backoff("fixed", 1000.0, Some(0.5));
        assert_eq!(delay(&half, 1, 0.0), Some(500));
        assert_eq!(delay(&half, 1, 0.999), Some(999));
        let all = backoff("exponential", 1000.0, Some(1.0));
        assert_eq!(delay(&all, 2, 0.25), Some(500));
    }

    #[test]
    fn the_thousandth_attempt_saturates() {
        let exponential = backoff("exponential", 1000.0, None);
        assert_eq!(delay(&exponential, 1000, 0.5), Some(3_153_600_000_000));
        assert_eq!(delay(&exponential, u32::MAX, 0.5), Some(3_153_600_000_000));
    }

    #[test]
    fn an_unknown_type_has_no_delay() {
        assert_eq!(delay(&backoff("mine", 1.0, None), 1, 0.5), None);
    }
}
