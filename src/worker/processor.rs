//! The seam between the worker and everything that can run a job.

use futures_util::future::BoxFuture;
use serde_json::value::RawValue;
use std::time::Duration;

use super::RawJob;
use crate::BoxError;

/// Runs jobs. The worker boxes one future for each job.
///
/// An error or a panic is a failed attempt; a [`Failure`](crate::Failure) anywhere in the error's
/// chain says more. Dropping the future (hard stop) must leave nothing behind.
pub trait Processor: Send + Sync + 'static {
    /// Runs one job to its outcome.
    fn process(&self, job: RawJob) -> BoxFuture<'_, Result<Outcome, BoxError>>;
}

/// How a job ended that did not fail. None but `Done` uses up an attempt.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Completed, with the return value as JSON text.
    Done(Box<RawValue>),
    /// Runs again after this long (stock's `moveToDelayed` with `DelayedError`).
    Delay(Duration),
    /// Goes back to the front of the queue (stock's `moveToWait` with `WaitingError`).
    Wait,
    /// Waits for its children; when none are pending, it runs again at once.
    WaitChildren,
    /// The queue is rate limited for this long and the job goes back to the front.
    RateLimited(Duration),
}

impl Outcome {
    /// Completed without a value: `null`, as Node leaves for `undefined`.
    pub fn null() -> Self {
        Self::Done(RawValue::NULL.to_owned())
    }

    /// Completed with a value.
    ///
    /// # Errors
    /// When the value has no JSON form, such as a map whose keys are not text.
    pub fn done(value: &impl serde::Serialize) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(Self::Done)
    }
}
