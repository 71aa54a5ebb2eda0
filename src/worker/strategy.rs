//! Backoffs of the user's own.

use std::{
    collections::HashMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use tracing::error;

use crate::wire::JobRecord;

/// A user's backoff: from a failed attempt to the delay before the next one, or `None` for no
/// further attempt.
pub type BackoffStrategy = dyn Fn(&FailedAttempt<'_>) -> Option<Duration> + Send + Sync;

/// A failed attempt, as a backoff sees it.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct FailedAttempt<'a> {
    /// Attempts made, from 1: this one is among them.
    pub attempts_made: u32,
    /// The backoff that the job asks for (`opts.backoff.type`).
    pub backoff: &'a str,
    /// Why the attempt failed.
    pub reason: &'a str,
    /// The job, as it was when the attempt started.
    pub job: &'a JobRecord,
}

/// Without the job's data, which is nobody's business.
impl fmt::Debug for FailedAttempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FailedAttempt")
            .field("job", &self.job.id)
            .field("attempts_made", &self.attempts_made)
            .field("backoff", &self.backoff)
            .finish_non_exhaustive()
    }
}

/// The backoffs that a worker knows besides the built-in ones.
#[derive(Clone, Default)]
pub(super) struct Strategies {
    named: HashMap<String, Arc<BackoffStrategy>>,
    /// For every type that is neither named nor built in.
    other: Option<Arc<BackoffStrategy>>,
}

impl Strategies {
    pub(super) fn name(
        &mut self,
        name: &str,
        strategy: impl Fn(u32) -> Option<Duration> + Send + Sync + 'static,
    ) {
        let strategy = move |attempt: &FailedAttempt<'_>| strategy(attempt.attempts_made);
        self.named.insert(name.to_owned(), Arc::new(strategy));
    }

    pub(super) fn set_other(
        &mut self,
        strategy: impl Fn(&FailedAttempt<'_>) -> Option<Duration> + Send + Sync + 'static,
    ) {
        self.other = Some(Arc::new(strategy));
    }

    /// The one for a type, if the user has one; his own names come before the built-in ones.
    pub(super) fn find(&self, kind: &str, is_built_in: bool) -> Option<&BackoffStrategy> {
        let other = self.other.as_ref().filter(|_| !is_built_in);
        self.named.get(kind).or(other).map(AsRef::as_ref)
    }
}

impl fmt::Debug for Strategies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strategies")
            .field("named", &self.named.keys())
            .field("other", &self.other.is_some())
            .finish()
    }
}

/// Asks a strategy, which may panic: then there is no further attempt.
pub(super) fn ask(strategy: &BackoffStrategy, attempt: &FailedAttempt<'_>) -> Option<u64> {
    let asked = catch_unwind(AssertUnwindSafe(|| strategy(attempt)));
    let delay = asked.unwrap_or_else(|_| {
        error!(
            target: "bullrs::worker", job_id = attempt.job.id, backoff = attempt.backoff,
            "the backoff panicked; the job is not tried again"
        );
        None
    })?;
    Some(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX))
}
