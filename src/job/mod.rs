//! Jobs: [`Job`] inside a handler, [`JobHandle`] from outside.

mod cancel;
mod children;
mod handle;
mod logs;
pub(crate) mod options;
mod read;
mod snapshot;
mod stored_opts;
mod wait;

pub use children::{Child, ChildCounts, ChildKind, ChildPage, ListChildren};
pub use handle::{AddLog, ChangePriority, JobHandle, RemoveJob, RetryJob};
pub use logs::{JobLogs, ReadLogs};
pub(crate) use options::job_option_setters;
pub use options::{Backoff, Deduplication, JobOptions, Keep, Parent};
pub use read::Finished;
pub use snapshot::{FieldFault, JobSnapshot, ParentRef};
pub use stored_opts::{DeduplicationOpts, ParentOpts, StoredOpts};
pub use wait::WaitForResult;

use serde::{Serialize, de::DeserializeOwned};
use tokio_util::sync::CancellationToken;

use crate::{
    Result,
    worker::{CancelReason, RawJob},
};

/// A job in a handler, with its data decoded as a `T`.
///
/// What it does not tell or do itself, its handle does, such as counting children:
/// `client.queue(job.queue()).job(&job.id)`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Job<T> {
    /// The job's data.
    pub data: T,
    /// The job's id.
    pub id: String,
    /// The job's name.
    pub name: String,
    raw: RawJob,
}

impl<T: DeserializeOwned> Job<T> {
    /// Decodes the data of a job that a worker holds.
    ///
    /// # Errors
    /// When it is not the JSON of a `T`; the message names the path of the bad field.
    pub(crate) fn read(raw: RawJob) -> Result<Self> {
        let data = crate::wire::read_json(raw.data().get(), "`data`")?;
        Ok(Self {
            data,
            id: raw.id().to_owned(),
            name: raw.name().to_owned(),
            raw,
        })
    }
}

impl<T> Job<T> {
    /// The queue's name.
    pub fn queue(&self) -> &str {
        self.raw.queue()
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.raw.attempt()
    }

    /// Reports progress: any value with a JSON form, a number of percent by custom.
    ///
    /// # Errors
    /// When the value has no JSON form, the job's hash is gone, or Redis cannot be reached.
    pub async fn progress(&self, progress: impl Serialize + Sync) -> Result<()> {
        self.raw.progress(&progress).await
    }

    /// Appends a row to the job's log and returns how many rows are kept.
    ///
    /// # Errors
    /// When the job's hash is gone or Redis cannot be reached.
    pub async fn log(&self, row: impl std::fmt::Display) -> Result<u64> {
        self.raw.log(row).await
    }

    /// Return values of the finished children, by their full key.
    ///
    /// # Errors
    /// When a value is not the JSON of a `V`, or Redis cannot be reached.
    pub async fn children<V: DeserializeOwned>(&self) -> Result<Vec<(String, V)>> {
        self.raw
            .children_values()
            .await?
            .into_iter()
            .map(|(key, json)| {
                let value = crate::wire::read_json(&json, &format!("the value of child `{key}`"))?;
                Ok((key, value))
            })
            .collect()
    }

    /// Waits until the job is to stop, and says why. Cancel safe.
    pub async fn cancelled(&self) -> CancelReason {
        self.raw.cancelled().await
    }

    /// The token that is cancelled when the job is to stop.
    pub fn token(&self) -> &CancellationToken {
        self.raw.cancellation()
    }

    /// The job without a type: its hash, its payload, its data as text.
    pub fn raw(&self) -> &RawJob {
        &self.raw
    }
}
