//! A job seen from outside.

use crate::queue::Queue;

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
}
