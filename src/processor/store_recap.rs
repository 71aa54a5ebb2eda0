//! The job store as what `content.recap` writes up.

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use super::{RecapFailure, RecapGroup, RecapSource, RecapSummary, RecapWindow};
use crate::{
    BoxError,
    store::{RecapCounts, RecapFailed, RecapQuery, Store},
};

/// Counts the rows of a [`Store`].
#[derive(Debug, Clone)]
pub struct StoreRecap {
    store: Store,
    runtime: Handle,
}

impl StoreRecap {
    /// Asks the store on `runtime`, the one that its recorder writes on: connections that are
    /// opened here are shared with it, and must live as long.
    pub fn new(store: Store, runtime: &Handle) -> Self {
        Self {
            store,
            runtime: runtime.clone(),
        }
    }
}

impl RecapSource for StoreRecap {
    fn summary<'a>(
        &'a self,
        window: &'a RecapWindow,
    ) -> BoxFuture<'a, Result<RecapSummary, BoxError>> {
        let store = self.store.clone();
        let query = RecapQuery {
            from: window.from,
            to: window.to,
            queues: window.queues.clone(),
            failures: u32::try_from(window.max_failures).unwrap_or(u32::MAX),
        };
        let counting = self.runtime.spawn(async move { store.recap(&query).await });
        let counting = AbortOnDropHandle::new(counting);
        Box::pin(async move {
            let recap = counting
                .await
                .map_err(|_ended| "the job store has been closed")??;
            Ok(RecapSummary {
                groups: recap.counts.into_iter().map(group).collect(),
                failures: recap.failures.into_iter().map(failure).collect(),
            })
        })
    }
}

fn group(counts: RecapCounts) -> RecapGroup {
    RecapGroup {
        queue: counts.queue,
        name: counts.name,
        succeeded: counts.succeeded,
        failed: counts.failed,
        cancelled: counts.cancelled,
        unfinished: counts.unfinished,
        retries: counts.retries,
        mean_duration_ms: counts.mean_duration_ms,
    }
}

fn failure(failed: RecapFailed) -> RecapFailure {
    RecapFailure {
        queue: failed.queue.unwrap_or_default(),
        name: failed.name.unwrap_or_default(),
        job_id: failed.job_id.unwrap_or_default(),
        at: failed.at,
        attempts: u32::try_from(failed.attempts).unwrap_or(u32::MAX),
        error: failed.error.unwrap_or_default(),
    }
}
