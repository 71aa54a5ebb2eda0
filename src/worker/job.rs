//! The job as a processor sees it.

use std::{
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use futures_util::future::BoxFuture;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use super::Observer;
use crate::{Result, wire::JobRecord};

/// What a handler may ask of the queue while its job runs; Redis in production, memory in tests.
pub trait JobPort: Send + Sync + 'static {
    /// Stores the progress (JSON text) and tells the event stream.
    fn progress<'a>(&'a self, job: &'a RawJob, json: String) -> BoxFuture<'a, Result<()>>;
    /// Appends a row to the job's log and returns how many rows there are.
    fn log<'a>(&'a self, job: &'a RawJob, row: String) -> BoxFuture<'a, Result<u64>>;
    /// Replaces the job's data (JSON text).
    fn update_data<'a>(&'a self, job: &'a RawJob, json: String) -> BoxFuture<'a, Result<()>>;
    /// Return values of the finished children: full job key and JSON text.
    fn children_values<'a>(
        &'a self,
        job: &'a RawJob,
    ) -> BoxFuture<'a, Result<Vec<(String, String)>>>;
}

/// A job that a worker holds. Cheap to clone.
#[derive(Clone)]
pub struct RawJob(Arc<Inner>);

struct Inner {
    queue: Arc<str>,
    record: JobRecord,
    lock_token: String,
    port: Arc<dyn JobPort>,
    observer: Option<Arc<dyn Observer>>,
    payload: OnceLock<Payload>,
    cancellation: Arc<Cancellation>,
}

/// The token that stops a job, and why it was stopped.
#[derive(Debug, Default)]
pub(super) struct Cancellation {
    token: CancellationToken,
    reason: Mutex<Option<CancelReason>>,
}

impl Cancellation {
    /// Why the job was told to stop, if it was.
    pub(super) fn reason(&self) -> Option<CancelReason> {
        self.reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Tells the handler to stop; the first reason stands, but a lost lock overrides it.
    pub(super) fn cancel(&self, reason: CancelReason) {
        let mut stands = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        if stands.is_none() || matches!(reason, CancelReason::LockLost(_)) {
            *stands = Some(reason);
        }
        drop(stands);
        self.token.cancel();
    }
}

impl RawJob {
    /// Wraps what was claimed. `lock_token` is the value of the job's lock.
    pub fn new(
        queue: Arc<str>,
        record: JobRecord,
        lock_token: String,
        port: Arc<dyn JobPort>,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        Self::with_cancellation(queue, record, lock_token, port, observer, Arc::default())
    }

    pub(super) fn with_cancellation(
        queue: Arc<str>,
        record: JobRecord,
        lock_token: String,
        port: Arc<dyn JobPort>,
        observer: Option<Arc<dyn Observer>>,
        cancellation: Arc<Cancellation>,
    ) -> Self {
        Self(Arc::new(Inner {
            queue,
            record,
            lock_token,
            port,
            observer,
            payload: OnceLock::new(),
            cancellation,
        }))
    }

    /// The job's id.
    pub fn id(&self) -> &str {
        &self.0.record.id
    }

    /// The job's name; empty when its hash has none.
    pub fn name(&self) -> &str {
        &self.0.record.name
    }

    /// The queue's name.
    pub fn queue(&self) -> &str {
        &self.0.queue
    }

    /// The queue's name, to keep.
    pub fn queue_name(&self) -> Arc<str> {
        Arc::clone(&self.0.queue)
    }

    /// The job's data as the producer's JSON text.
    pub fn data(&self) -> &RawValue {
        &self.0.record.data
    }

    /// The job's hash as it was when the job was claimed.
    pub fn record(&self) -> &JobRecord {
        &self.0.record
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.0.record.attempts_made.saturating_add(1)
    }

    /// The value of the job's lock.
    pub fn lock_token(&self) -> &str {
        &self.0.lock_token
    }

    /// The decrypted payload of the job's row in the store, if there is one.
    pub fn payload(&self) -> Option<&Payload> {
        self.0.payload.get()
    }

    /// Attaches the decrypted payload; the first one stands.
    pub fn attach_payload(&self, payload: Payload) {
        let _already = self.0.payload.set(payload);
    }

    /// Reports progress: any value with a JSON form, a number of percent by custom.
    ///
    /// # Errors
    /// When the value has no JSON form, the job's hash is gone, or Redis cannot be reached.
    pub async fn progress(&self, progress: &(impl serde::Serialize + Sync + ?Sized)) -> Result<()> {
        let json = serde_json::to_string(progress).map_err(|error| crate::Error::Decode {
            what: "progress".into(),
            reason: error.to_string(),
        })?;
        if let Some(observer) = &self.0.observer {
            observer.progressed(self, &json);
        }
        self.0.port.progress(self, json).await
    }

    /// Appends a row to the job's log and returns how many rows are kept.
    ///
    /// # Errors
    /// When the job's hash is gone or Redis cannot be reached.
    pub async fn log(&self, row: impl fmt::Display) -> Result<u64> {
        let row = row.to_string();
        self.0.port.log(self, row).await
    }

    /// Replaces the job's data, which the next attempt will see.
    ///
    /// # Errors
    /// When the value has no JSON form, the job's hash is gone, or Redis cannot be reached.
    pub async fn update_data(&self, data: &(impl serde::Serialize + Sync + ?Sized)) -> Result<()> {
        let json = serde_json::to_string(data).map_err(|error| crate::Error::Decode {
            what: "data".into(),
            reason: error.to_string(),
        })?;
        self.0.port.update_data(self, json).await
    }

    /// Return values of the finished children: full job key and JSON text.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn children_values(&self) -> Result<Vec<(String, String)>> {
        self.0.port.children_values(self).await
    }

    /// Waits until the job is to stop, and says why. Cancel safe.
    pub async fn cancelled(&self) -> CancelReason {
        self.0.cancellation.token.cancelled().await;
        self.cancel_reason().unwrap_or(CancelReason::Shutdown)
    }

    /// The token that is cancelled when the job is to stop.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.0.cancellation.token
    }

    /// Why the job was told to stop, if it was.
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.0.cancellation.reason()
    }

    /// Tells the handler to stop; the first reason stands, but a lost lock overrides it.
    pub fn cancel(&self, reason: CancelReason) {
        self.0.cancellation.cancel(reason);
    }
}

impl fmt::Debug for RawJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawJob")
            .field("queue", &self.queue())
            .field("id", &self.id())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

/// Why a job was told to stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CancelReason {
    /// Someone asked for it; the text says why.
    #[error("cancelled: {0}")]
    Requested(String),
    /// The worker no longer owns the job; its outcome will not be written.
    #[error("lost the lock: {0}")]
    LockLost(String),
    /// The attempt took longer than its `timeout`.
    #[error("timed out after {0} ms")]
    TimedOut(u64),
    /// The worker is stopping and will hand the job back.
    #[error("the worker is stopping")]
    Shutdown,
}

/// A decrypted payload. Its `Debug` and `Display` show only the size.
#[derive(Clone)]
pub struct Payload(Arc<str>);

impl Payload {
    /// Wraps plaintext.
    pub fn new(plaintext: impl Into<Arc<str>>) -> Self {
        Self(plaintext.into())
    }

    /// The plaintext. Never log it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Reads the plaintext as JSON.
    ///
    /// # Errors
    /// When it is not the JSON of a `T`; the message has the path of the bad field, no content.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        crate::wire::read_json(&self.0, "payload")
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[redacted {} bytes]", self.0.len())
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
