//! Cancelling a job from outside.

use super::JobHandle;
use crate::{
    Result,
    wire::JobRecord,
    worker::{CancelOutcome, cancel},
};

impl JobHandle {
    /// Cancels the job, in whatever state it is and wherever it runs.
    ///
    /// One that waits, for its time or for its children, fails at once with `cancelled: <reason>`.
    /// One that runs is told to stop by its worker within a second; what has not ended after the
    /// worker's `cancel_grace` is dropped. A handler that ends well all the same has completed its
    /// job.
    ///
    /// # Errors
    /// When there is no such job, when it is the next iteration of a job scheduler (remove the
    /// scheduler instead), when the reason has more than 4096 bytes, or when Redis cannot be
    /// reached.
    pub async fn cancel(&self, reason: &str) -> Result<CancelOutcome> {
        self.cancel_knowing(reason)
            .await
            .map(|(outcome, _)| outcome)
    }

    /// As [`cancel`](Self::cancel); gives also the hash of a job that has failed by it.
    pub(crate) async fn cancel_knowing(
        &self,
        reason: &str,
    ) -> Result<(CancelOutcome, Option<JobRecord>)> {
        cancel(
            self.queue.conn(),
            self.queue.keys()?,
            &self.id,
            reason,
            None,
        )
        .await
    }
}
