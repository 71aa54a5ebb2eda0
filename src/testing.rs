//! Runs a handler against a job in memory, without Redis.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;

use crate::{
    Result,
    wire::JobRecord,
    worker::{JobPort, RawJob},
};

/// What a handler did to its job.
#[derive(Debug, Default)]
pub struct Recorder {
    progress: Mutex<Vec<String>>,
    log: Mutex<Vec<String>>,
    data: Mutex<Option<String>>,
}

impl Recorder {
    /// Makes a job of `queue` with this name and JSON data; what the handler does is recorded.
    pub fn job(self: &Arc<Self>, queue: &str, name: &str, data: &serde_json::Value) -> RawJob {
        let data = data.to_string();
        let record = JobRecord::read("1", [("name", name), ("data", data.as_str())]);
        RawJob::new(
            queue.into(),
            record,
            "test:0".into(),
            Arc::clone(self) as _,
            None,
        )
    }

    /// Progress reports so far, as JSON texts.
    pub fn progress(&self) -> Vec<String> {
        lock(&self.progress).clone()
    }

    /// Log rows so far.
    pub fn log(&self) -> Vec<String> {
        lock(&self.log).clone()
    }

    /// The data as the handler replaced it, if it did.
    pub fn data(&self) -> Option<String> {
        lock(&self.data).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl JobPort for Recorder {
    fn progress<'a>(&'a self, _job: &'a RawJob, json: String) -> BoxFuture<'a, Result<()>> {
        lock(&self.progress).push(json);
        Box::pin(async { Ok(()) })
    }

    fn log<'a>(&'a self, _job: &'a RawJob, row: String) -> BoxFuture<'a, Result<u64>> {
        let mut log = lock(&self.log);
        log.push(row);
        let rows = log.len() as u64;
        drop(log);
        Box::pin(async move { Ok(rows) })
    }

    fn update_data<'a>(&'a self, _job: &'a RawJob, json: String) -> BoxFuture<'a, Result<()>> {
        *lock(&self.data) = Some(json);
        Box::pin(async { Ok(()) })
    }

    fn children_values<'a>(
        &'a self,
        _job: &'a RawJob,
    ) -> BoxFuture<'a, Result<Vec<(String, String)>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}
