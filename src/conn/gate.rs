//! When to dial next, and what to say of an outage.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tracing::{info, warn};

use crate::clock;

/// The first wait; doubled with each failure.
const SHORTEST: Duration = Duration::from_millis(50);
/// No wait is longer: a server that is back is noticed within this time.
const LONGEST: Duration = Duration::from_secs(1);
/// Causes of one outage that are logged, at most.
const CAUSES_LOGGED: usize = 8;

/// Spaces the dialling of one server and logs each outage once for each cause.
///
/// Only a useful reply ends an outage: a server that takes connections and then refuses every
/// call is not dialled in a busy loop either.
pub(super) struct Gate {
    /// Who is dialled, without credentials.
    server: String,
    outage: Mutex<Outage>,
    in_outage: AtomicBool,
    /// Whether it ever did anything useful. Before, whoever connects is told, and nothing is logged.
    has_served: AtomicBool,
}

#[derive(Default)]
struct Outage {
    failures: u32,
    since: Option<Instant>,
    open_at: Option<Instant>,
    causes: Vec<String>,
}

impl Gate {
    pub(super) fn new(server: String) -> Self {
        Self {
            server,
            outage: Mutex::default(),
            in_outage: AtomicBool::new(false),
            has_served: AtomicBool::new(false),
        }
    }

    fn outage(&self) -> MutexGuard<'_, Outage> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the next dialling may begin, if not at once.
    pub(super) fn opens_at(&self) -> Option<Instant> {
        self.outage().open_at
    }

    /// Notes a failed dialling or a connection that broke.
    pub(super) fn failed(&self, cause: &str) {
        let mut outage = self.outage();
        let now = Instant::now();
        outage.open_at = Some(now + wait(outage.failures, clock::random()));
        outage.failures = outage.failures.saturating_add(1);
        outage.since.get_or_insert(now);
        self.in_outage.store(true, Ordering::Relaxed);
        if self.has_served.load(Ordering::Relaxed)
            && outage.causes.len() < CAUSES_LOGGED
            && !outage.causes.iter().any(|known| known == cause)
        {
            outage.causes.push(cause.to_owned());
            warn!(
                target: "bullrs::conn", redis = self.server, cause,
                "no connection to redis; dialling until it is back"
            );
        }
    }

    /// Notes that the server did something useful.
    pub(super) fn succeeded(&self) {
        if !self.in_outage.load(Ordering::Relaxed) {
            if !self.has_served.load(Ordering::Relaxed) {
                self.has_served.store(true, Ordering::Relaxed);
            }
            return;
        }
        let over = std::mem::take(&mut *self.outage());
        self.in_outage.store(false, Ordering::Relaxed);
        self.has_served.store(true, Ordering::Relaxed);
        if let Some(since) = over.since {
            let after_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            info!(target: "bullrs::conn", redis = self.server, after_ms, "connected to redis again");
        }
    }
}

/// The wait after so many failures. All workers lose a server at the same moment; what is random
/// here keeps them from coming back at the same one.
fn wait(failures: u32, random: f64) -> Duration {
    if failures == 0 {
        return SHORTEST.mul_f64(random);
    }
    let longest = SHORTEST.saturating_mul(1 << failures.min(10)).min(LONGEST);
    longest.mul_f64(0.5 + random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_are_bounded_and_differ() {
        assert_eq!(wait(0, 0.0), Duration::ZERO);
        assert_eq!(wait(1, 0.0), Duration::from_millis(50));
        assert_eq!(wait(1, 1.0), Duration::from_millis(100));
        assert_eq!(wait(2, 1.0), Duration::from_millis(200));
        for failures in [5, 10, 1000, u32::MAX] {
            assert_eq!(wait(failures, 0.0), Duration::from_millis(500));
            assert_eq!(wait(failures, 1.0), LONGEST);
        }
    }

    #[test]
    fn an_outage_ends_with_the_first_useful_reply() {
        let gate = Gate::new("cache:6379".into());
        assert_eq!(gate.opens_at(), None);
        gate.succeeded();
        gate.failed("connection refused");
        gate.failed("connection refused");
        assert_eq!(gate.outage().causes, ["connection refused"]);
        assert!(gate.opens_at().is_some());
        gate.succeeded();
        assert_eq!((gate.opens_at(), gate.outage().failures), (None, 0));
    }
}
