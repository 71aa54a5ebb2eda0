//! What `content.recap` writes up: the seam towards whoever counts jobs.

use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::BoxError;

/// Counts the jobs of a window; the job store in production, memory in tests.
pub trait RecapSource: Send + Sync + 'static {
    /// What happened in the window.
    ///
    /// # Errors
    /// An error fails the attempt.
    fn summary<'a>(
        &'a self,
        window: &'a RecapWindow,
    ) -> BoxFuture<'a, Result<RecapSummary, BoxError>>;
}

/// A span of time and the queues to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecapWindow {
    /// Start, unix ms, included.
    pub from: i64,
    /// End, unix ms, excluded.
    pub to: i64,
    /// Only these queues; all when empty.
    pub queues: Vec<String>,
    /// Most failures to tell of one by one.
    pub max_failures: usize,
}

/// What happened in a window.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecapSummary {
    /// One entry for each queue and name that had jobs.
    pub groups: Vec<RecapGroup>,
    /// The latest failures, newest first.
    pub failures: Vec<RecapFailure>,
}

/// The jobs of one queue and name that ended in the window, or changed last in it and have not ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecapGroup {
    /// The queue's name.
    pub queue: String,
    /// The jobs' name.
    pub name: String,
    /// Finished well.
    pub succeeded: u64,
    /// Failed for good.
    pub failed: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Waiting, delayed or running, and last changed in the window.
    pub unfinished: u64,
    /// Attempts after the first, over the whole life of these jobs.
    pub retries: u64,
    /// Mean time of the last attempt of those that succeeded or failed, in ms.
    pub mean_duration_ms: Option<u64>,
}

/// One failure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecapFailure {
    /// The queue's name.
    pub queue: String,
    /// The job's name.
    pub name: String,
    /// The job's id in its queue.
    pub job_id: String,
    /// Unix ms.
    pub at: i64,
    /// Attempts used up.
    pub attempts: u32,
    /// Why; never a payload.
    pub error: String,
}

impl RecapSummary {
    /// Jobs of all groups.
    pub fn jobs(&self) -> u64 {
        self.groups
            .iter()
            .map(|group| group.succeeded + group.failed + group.cancelled + group.unfinished)
            .sum()
    }
}
