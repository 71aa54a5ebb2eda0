//! A queue from outside: adding jobs, and reading what there is.

mod add;
pub mod admin;
mod bulk;
mod limits;

pub use crate::job::{Backoff, Keep};
pub use add::{AddJob, NewJob};

use std::sync::Arc;

use serde::Serialize;

use crate::{
    Error, Result,
    conn::Conn,
    job::{JobHandle, JobOptions},
    wire::QueueKeys,
};

mod metrics;
mod read;
mod read_jobs;
mod read_meta;
mod read_walk;
mod workers;

pub use metrics::{Metrics, MetricsKind, ReadMetrics};
pub use read::Counts;
pub use read_jobs::{JobStream, ListJobs};
pub use read_meta::QueueMeta;
pub use read_walk::{BATCH_BYTES, BATCH_JOBS, PAGE_IDS};
pub use workers::ClientInfo;

use crate::events::Hubs;
pub(crate) use read_jobs::span;
pub(crate) use read_walk::Pace;

/// A handle on a queue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue {
    conn: Conn,
    keys: std::result::Result<QueueKeys, String>,
    defaults: Arc<JobOptions>,
    hubs: Arc<Hubs>,
}

impl Queue {
    pub(crate) fn new(conn: Conn, prefix: &str, name: &str) -> Self {
        Self {
            conn,
            keys: QueueKeys::new(prefix, name).map_err(|error| error.to_string()),
            defaults: Arc::default(),
            hubs: Arc::default(),
        }
    }

    /// Options for all jobs that this handle adds; what a job sets itself comes before them.
    #[must_use]
    pub fn defaults(mut self, options: JobOptions) -> Self {
        self.defaults = Arc::new(options);
        self
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
    pub fn add(&self, name: &str, data: impl Serialize) -> AddJob {
        AddJob::new(self.clone(), name, &data)
    }

    /// A handle on a job that may or may not exist.
    pub fn job(&self, id: &str) -> JobHandle {
        JobHandle::new(self.clone(), id.to_owned())
    }

    pub(crate) fn default_options(&self) -> &JobOptions {
        &self.defaults
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
