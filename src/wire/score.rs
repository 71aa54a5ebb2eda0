//! Scores of sorted sets: priorities, delays and the marker (WIRE §1.3).
//!
//! Redis keeps scores as doubles. Scores of jobs that are due before September 2039 are exact; from
//! then on they pass 2^53, and jobs due in the same ms may share a score. The ms stays exact.

/// Where jobs of one due ms begin: each ms has 4096 places.
const PLACES: f64 = 4096.0;
/// Where jobs of one priority begin.
const CLASS: f64 = 4_294_967_296.0;

/// The greatest legal priority. 0 is none: such jobs stand in `wait`, which has no scores.
pub const MAX_PRIORITY: u32 = 2_097_151;

/// When a job added at `timestamp` is due, in ms since 1970; a delay of 0 or less is none.
pub const fn due_at(timestamp: i64, delay: i64) -> i64 {
    if delay > 0 {
        timestamp.saturating_add(delay)
    } else {
        timestamp
    }
}

/// The least and the greatest score in `delayed` of jobs due at `due` (ms since 1970).
pub fn delayed_range(due: i64) -> (f64, f64) {
    let first = ms(due) * PLACES;
    (first, first + (PLACES - 1.0))
}

/// The score in `delayed` of one more job due at `due`, behind those that are there already.
///
/// `highest` is the greatest score within [`delayed_range`], if any. After 4096 jobs of one ms
/// the last place is shared.
pub fn delayed(due: i64, highest: Option<f64>) -> f64 {
    let (first, last) = delayed_range(due);
    highest.map_or(first, |highest| (highest + 1.0).clamp(first, last))
}

/// When the job with this score in `delayed` is due, in ms since 1970.
pub fn delayed_due(score: f64) -> i64 {
    super::saturating_int((score / PLACES).floor())
}

/// The greatest score in `delayed` of jobs that are due by `now` (ms since 1970).
pub fn delayed_until(now: i64) -> f64 {
    delayed_range(now).1
}

/// The score of the member `1` of `marker`, by which workers wake up for the job that is due first;
/// `lowest` is that job's score in `delayed`.
pub fn marker(lowest: f64) -> f64 {
    lowest / PLACES
}

/// When to wake up for a marker, in ms since 1970; 0 means that there is work now.
pub fn marker_due(score: f64) -> i64 {
    super::saturating_int(score)
}

/// The score in `prioritized` of the `counter`-th job (`pc`). Lower ones run first.
///
/// Priorities above [`MAX_PRIORITY`] count as that.
pub fn prioritized(priority: u32, counter: u64) -> f64 {
    prioritized_first(priority) + f64::from(wrapped(counter))
}

/// The score in `prioritized` of a job that is put back before all others of its priority.
pub fn prioritized_first(priority: u32) -> f64 {
    f64::from(priority.min(MAX_PRIORITY)) * CLASS
}

/// The priority of the job with this score in `prioritized`.
pub fn priority(score: f64) -> u32 {
    u32::try_from(super::saturating_int((score / CLASS).floor()))
        .unwrap_or(0)
        .min(MAX_PRIORITY)
}

/// The counter, without its multiples of 2^32, of the job with this score in `prioritized`.
pub fn priority_counter(score: f64) -> u32 {
    u32::try_from(super::saturating_int(score.rem_euclid(CLASS))).unwrap_or(0)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the counter is taken modulo 2^32"
)]
const fn wrapped(counter: u64) -> u32 {
    counter as u32
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact for the next 285,000 years"
)]
const fn ms(time: i64) -> f64 {
    time as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Up to September 2039: 2^53 / 4096.
    const EXACT: i64 = 1 << 41;

    #[test]
    fn scores_are_those_of_the_golden_traces() {
        // WIRE, appendix A2 and A3.
        assert_eq!(text(delayed(1_700_000_050_000, None)), "6963200204800000");
        assert_eq!(text(prioritized(5, 1)), "21474836481");
        assert_eq!(text(prioritized(2_097_151, 2)), "9007194959773698");
        assert_eq!(delayed_due(6_963_200_204_800_001.0), 1_700_000_050_000);
        assert_eq!(
            marker_due(marker(6_963_200_204_800_001.0)),
            1_700_000_050_000
        );
    }

    #[test]
    fn the_last_place_of_a_ms_is_shared() {
        let mut highest = None;
        for _ in 0..5000 {
            highest = Some(delayed(7, highest));
        }
        assert_eq!(highest.map(text).as_deref(), Some("32767"));
        assert_eq!(delayed_due(32_767.0), 7);
    }

    #[test]
    fn a_delay_counts_from_the_timestamp_if_there_is_one() {
        assert_eq!(
            [due_at(100, 5), due_at(100, 0), due_at(100, -5)],
            [105, 100, 100]
        );
        assert_eq!(due_at(i64::MAX, 5), i64::MAX);
    }

    fn text(score: f64) -> String {
        score.to_string()
    }

    proptest! {
        #[test]
        fn delayed_jobs_stand_in_the_order_of_due_time_and_insertion(
            added in prop::collection::vec((0..40_i64, 0..3_i64), 1..60),
            base in 0..EXACT - 120,
        ) {
            let mut places: Vec<(i64, usize, f64)> = Vec::new();
            for (order, (slot, spread)) in added.into_iter().enumerate() {
                let due = base + slot * spread;
                let (low, high) = delayed_range(due);
                let highest = places.iter().map(|place| place.2)
                    .filter(|score| (low..=high).contains(score))
                    .fold(None, |most: Option<f64>, score| Some(most.map_or(score, |most| most.max(score))));
                places.push((due, order, delayed(due, highest)));
            }
            let mut by_score = places.clone();
            by_score.sort_by(|a, b| a.2.total_cmp(&b.2));
            places.sort_by_key(|place| (place.0, place.1));
            prop_assert_eq!(by_score, places);
        }

        #[test]
        fn a_delayed_score_gives_back_its_ms(due in 0..EXACT, place in 0..4096_u16) {
            let score = delayed_range(due).0 + f64::from(place);
            prop_assert_eq!(delayed_due(score), due);
            prop_assert_eq!(marker_due(marker(score)), due);
            prop_assert!(score <= delayed_until(due) && score > delayed_until(due - 1));
        }

        #[test]
        fn the_ms_stays_right_when_places_no_longer_do(due in EXACT..8_640_000_000_000_000) {
            let (first, last) = delayed_range(due);
            prop_assert_eq!(delayed_due(first), due);
            prop_assert!(first <= last);
            prop_assert!(delayed_until(due - 1) <= first);
        }

        #[test]
        fn prioritized_jobs_stand_in_the_order_of_priority_and_counter(
            a in (1..=MAX_PRIORITY, any::<u32>()),
            b in (1..=MAX_PRIORITY, any::<u32>()),
        ) {
            let score = |(priority, counter): (u32, u32)| prioritized(priority, counter.into());
            prop_assert_eq!(score(a).total_cmp(&score(b)), a.cmp(&b));
            prop_assert!(prioritized_first(a.0) <= score(a));
        }

        #[test]
        fn a_prioritized_score_gives_back_its_parts(at in 0..=MAX_PRIORITY, counter in any::<u64>()) {
            let score = prioritized(at, counter);
            prop_assert_eq!(priority(score), at);
            prop_assert_eq!(u64::from(priority_counter(score)), counter % (1 << 32));
        }

        #[test]
        fn any_score_reads(score in any::<f64>()) {
            let _ = (delayed_due(score), marker_due(score), priority_counter(score));
            prop_assert!(priority(score) <= MAX_PRIORITY);
        }
    }
}
