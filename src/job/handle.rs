//! A job seen from outside.

use crate::{Result, queue::Queue, script::call};

/// A handle on a job, which may be gone by now.
#[derive(Debug, Clone)]
pub struct JobHandle {
    pub(super) queue: Queue,
    pub(super) id: String,
}

impl JobHandle {
    pub(crate) fn new(queue: Queue, id: String) -> Self {
        Self { queue, id }
    }

    /// The job's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The state the job is in: `waiting`, `active`, `prioritized`, `delayed`,
    /// `waiting-children`, `completed`, `failed`, or `unknown` when there is no such job.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn state(&self) -> Result<String> {
        call::state(self.queue.conn(), self.queue.keys()?, &self.id).await
    }
}
