//! The seam through which a job store follows the jobs of a worker.

use futures_util::future::BoxFuture;

use super::{Payload, RawJob};
use crate::BoxError;

/// Told about each job before its handler starts and after Redis has accepted its outcome.
pub trait Observer: Send + Sync + 'static {
    /// Called before the handler, on the handlers' runtime. May wait (back-pressure), and may
    /// return the job's decrypted payload, which the handler then sees as [`RawJob::payload`].
    ///
    /// # Errors
    /// An error fails the attempt without running the handler, by the rules of
    /// [`Processor`](super::Processor).
    fn starting<'a>(&'a self, job: &'a RawJob) -> BoxFuture<'a, Result<Option<Payload>, BoxError>>;

    /// Called whenever the handler reports progress; must not block.
    fn progressed(&self, job: &RawJob, progress: &str);

    /// Called on the engine's thread once Redis has accepted the outcome; must not block.
    fn settled(&self, settled: Settled);

    /// Called on the engine's thread when a claim finds no job, once until one finds some again;
    /// must not block. Running jobs may still be under way.
    fn drained(&self, _queue: &str) {}

    /// Called on the engine's thread of a job that stalled and was handed back; must not block.
    fn stalled(&self, _queue: &str, _id: &str) {}
}

/// An outcome that Redis has accepted.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The job, as it was when it started.
    pub job: RawJob,
    /// What became of it.
    pub state: SettledState,
    /// Attempts used up so far, this one included where it counts.
    pub attempts_made: u32,
    /// Unix milliseconds of the worker's clock.
    pub at: i64,
}

/// Where a job went.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SettledState {
    /// Completed, with its return value as JSON text.
    Completed(String),
    /// Failed for good.
    Failed(String),
    /// Failed, and runs again after `delay` ms.
    Retried {
        /// Why the attempt failed.
        reason: String,
        /// Milliseconds until the next attempt may start; 0 is at once.
        delay: u64,
    },
    /// Put off by its handler, by this many ms, without using an attempt.
    Delayed(u64),
    /// Handed back to the queue without using an attempt (shutdown, rate limit, on request).
    Released,
    /// Waits for its children.
    WaitingChildren,
}
