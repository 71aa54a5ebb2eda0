//! Progress and log rows of a running job, which an outage of Redis must not stop.

use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;
use tracing::debug;

use crate::worker::RawJob;

/// Longest wait for Redis before a report is given up.
const PATIENCE: Duration = Duration::from_secs(2);

/// Reports progress; says whether it arrived.
pub(super) async fn progress(job: &RawJob, value: &(impl Serialize + Sync)) -> bool {
    let written = timeout(PATIENCE, job.progress(value)).await;
    arrived(job, "progress", written.map(|result| result.map(|()| 0)))
}

/// Appends a log row; says whether it arrived.
pub(super) async fn log(job: &RawJob, row: String) -> bool {
    let written = timeout(PATIENCE, job.log(row)).await;
    arrived(job, "log row", written)
}

fn arrived(
    job: &RawJob,
    what: &str,
    written: Result<crate::Result<u64>, tokio::time::error::Elapsed>,
) -> bool {
    let error = match written {
        Ok(Ok(_)) => return true,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "Redis did not answer".to_owned(),
    };
    debug!(
        job.queue = job.queue(),
        job.id = job.id(),
        error,
        "{what} was not written"
    );
    false
}
