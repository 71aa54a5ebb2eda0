//! A queue from the producer's side.

mod add;

pub use add::{AddJob, Backoff, Keep};

use serde::Serialize;

use std::sync::Arc;

use crate::{
    Error, Result, conn::Conn, events::Hubs, job::JobHandle, script::call, wire::QueueKeys,
};

/// States of [`Queue::counts`], by their names in Redis.
const STATES: [&str; 7] = [
    "wait",
    "active",
    "prioritized",
    "delayed",
    "waiting-children",
    "completed",
    "failed",
];

/// A handle on a queue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue {
    conn: Conn,
    keys: std::result::Result<QueueKeys, String>,
    hubs: Arc<Hubs>,
}

/// How many jobs are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Ready to run.
    pub wait: u64,
    /// Running.
    pub active: u64,
    /// Ready to run, with a priority.
    pub prioritized: u64,
    /// Due later.
    pub delayed: u64,
    /// Waiting for their children.
    pub waiting_children: u64,
    /// Completed and kept.
    pub completed: u64,
    /// Failed for good and kept.
    pub failed: u64,
}

impl Queue {
    pub(crate) fn new(conn: Conn, prefix: &str, name: &str) -> Self {
        Self {
            conn,
            keys: QueueKeys::new(prefix, name).map_err(|error| error.to_string()),
            hubs: Arc::default(),
        }
    }

    /// Shares with others the connections by which results are waited for.
    pub(crate) fn sharing(mut self, hubs: &Arc<Hubs>) -> Self {
        self.hubs = Arc::clone(hubs);
        self
    }

    pub(crate) fn hubs(&self) -> &Hubs {
        &self.hubs
    }

    /// Prepares a job; it is added when the builder is awaited.
    pub fn add(&self, name: &str, data: impl Serialize) -> AddJob<'_> {
        AddJob::new(self, name, &data)
    }

    /// How many jobs are in each state.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn counts(&self) -> Result<Counts> {
        let counts = call::counts(&self.conn, self.keys()?, &STATES).await?;
        let count = |index: usize| counts.get(index).copied().unwrap_or(0);
        Ok(Counts {
            wait: count(0),
            active: count(1),
            prioritized: count(2),
            delayed: count(3),
            waiting_children: count(4),
            completed: count(5),
            failed: count(6),
        })
    }

    /// A handle on a job that may or may not exist.
    pub fn job(&self, id: &str) -> JobHandle {
        JobHandle::new(self.clone(), id.to_owned())
    }

    pub(crate) fn conn(&self) -> &Conn {
        &self.conn
    }

    pub(crate) fn keys(&self) -> Result<&QueueKeys> {
        self.keys
            .as_ref()
            .map_err(|fault| Error::Options(vec![fault.clone()]))
    }
}
