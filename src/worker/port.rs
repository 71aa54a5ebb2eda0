//! What a running job asks of the queue, answered by Redis.

use std::{future::Future, time::Duration};

use futures_util::future::BoxFuture;

use super::{JobPort, RawJob};
use crate::{
    Result,
    conn::Conn,
    script::call,
    wire::{QueueKeys, saturating_int},
};

/// Shortest and longest pause before a call is repeated that an outage broke.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// The port of the jobs of one queue.
///
/// A job must not fail because Redis was away for a moment: calls are repeated until they are
/// answered, or until the job is told to stop (its lock is lost, its time is over, the worker
/// stops). A log row whose answer was lost may so be written twice; the other calls are
/// idempotent.
#[derive(Debug)]
pub(super) struct RedisPort {
    conn: Conn,
    keys: QueueKeys,
}

impl RedisPort {
    pub(super) fn new(conn: Conn, keys: QueueKeys) -> Self {
        Self { conn, keys }
    }
}

/// Repeats `call` while Redis cannot be reached and the job may go on.
async fn patiently<T, F>(job: &RawJob, mut call: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let (mut pause, longest) = PAUSES;
    loop {
        let error = match call().await {
            Err(error) if error.is_transient() => error,
            answered => return answered,
        };
        let stopped = job.cancellation().cancelled();
        if tokio::time::timeout(pause, stopped).await.is_ok() {
            return Err(error);
        }
        pause = longest.min(pause * 2);
    }
}

impl JobPort for RedisPort {
    fn progress<'a>(&'a self, job: &'a RawJob, json: String) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let call = || call::update_progress(&self.conn, &self.keys, job.id(), &json);
            patiently(job, call).await
        })
    }

    fn log<'a>(&'a self, job: &'a RawJob, row: String) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            // As in Node, none and 0 keep all.
            let keep = job.record().opts.keep_logs.map(saturating_int);
            let keep = keep.filter(|keep| *keep != 0);
            let call = || call::add_log(&self.conn, &self.keys, job.id(), &row, keep);
            patiently(job, call).await
        })
    }

    fn update_data<'a>(&'a self, job: &'a RawJob, json: String) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let call = || call::update_data(&self.conn, &self.keys, job.id(), &json);
            patiently(job, call).await
        })
    }

    fn children_values<'a>(
        &'a self,
        job: &'a RawJob,
    ) -> BoxFuture<'a, Result<Vec<(String, String)>>> {
        Box::pin(async move {
            let call = || call::children_values(&self.conn, &self.keys, job.id());
            patiently(job, call).await
        })
    }
}
