//! What `content.recap` writes up, counted from the rows of the job store.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    BoxError,
    processor::{RecapFailure, RecapGroup, RecapSource, RecapSummary, RecapWindow},
    store::{JobFilter, JobRow, Result, Status, Store},
};

/// Rows that were made longer than this before the window are not looked at: reading the whole
/// table for the few jobs that take longer is not worth it.
const LONGEST_JOB: i64 = 30 * 86_400_000;

/// Rows that are read at once; the most that a page may have.
const PAGE: u32 = 500;

/// Counts rows, on the runtime that the store lives on.
#[derive(Debug)]
pub(super) struct StoreRecap {
    store: Store,
    runtime: Handle,
}

impl StoreRecap {
    pub(super) fn new(store: Store, runtime: Handle) -> Self {
        Self { store, runtime }
    }
}

impl RecapSource for StoreRecap {
    fn summary<'a>(
        &'a self,
        window: &'a RecapWindow,
    ) -> BoxFuture<'a, Result<RecapSummary, BoxError>> {
        let counting = count(self.store.clone(), window.clone());
        let counted = AbortOnDropHandle::new(self.runtime.spawn(counting));
        Box::pin(async { Ok(counted.await??) })
    }
}

async fn count(store: Store, window: RecapWindow) -> Result<RecapSummary> {
    let mut tally = Tally::default();
    let mut filter = JobFilter {
        limit: PAGE,
        ..JobFilter::default()
    };
    if let [queue] = window.queues.as_slice() {
        filter.queue = Some(queue.clone());
    }
    let oldest = window.from.saturating_sub(LONGEST_JOB);
    loop {
        let page = store.jobs(&filter).await?;
        let reached_the_end = page
            .jobs
            .last()
            .is_none_or(|row| row.created_at.is_none_or(|at| at < oldest));
        for row in &page.jobs {
            tally.add(row, &window);
        }
        match page.next {
            Some(next) if !reached_the_end => filter.after = Some(next),
            _ => return Ok(tally.summary(window.max_failures)),
        }
    }
}

#[derive(Default)]
struct Tally {
    groups: BTreeMap<(String, String), Group>,
    failures: Vec<RecapFailure>,
}

#[derive(Default)]
struct Group {
    counts: RecapGroup,
    timed: u64,
    milliseconds: u64,
}

impl Tally {
    fn add(&mut self, row: &JobRow, window: &RecapWindow) {
        let (Some(queue), Some(name)) = (&row.queue, &row.name) else {
            return;
        };
        let is_wanted = window.queues.is_empty() || window.queues.contains(queue);
        // The recap that is being written is not a part of what it tells.
        let is_itself = queue == "content" && name == "recap" && !row.status.is_terminal();
        if !is_wanted || is_itself || !is_touched(row, window) {
            return;
        }
        let group = self
            .groups
            .entry((queue.clone(), name.clone()))
            .or_default();
        let counts = &mut group.counts;
        match row.status {
            Status::Succeeded => counts.succeeded += 1,
            Status::Failed => counts.failed += 1,
            Status::Cancelled => counts.cancelled += 1,
            _ => counts.unfinished += 1,
        }
        counts.retries += u64::try_from(row.attempts_made.saturating_sub(1)).unwrap_or(0);
        if let (true, Some(from), Some(to)) =
            (row.status.is_terminal(), row.started_at, row.finished_at)
        {
            group.timed += 1;
            group.milliseconds += u64::try_from(to.saturating_sub(from)).unwrap_or(0);
        }
        if row.status == Status::Failed {
            self.failures.push(RecapFailure {
                queue: queue.clone(),
                name: name.clone(),
                job_id: row.job_id.clone().unwrap_or_default(),
                at: row.finished_at.or(row.updated_at).unwrap_or_default(),
                attempts: u32::try_from(row.attempts_made).unwrap_or(0),
                error: row.error.clone().unwrap_or_default(),
            });
        }
    }

    fn summary(mut self, most: usize) -> RecapSummary {
        self.failures
            .sort_by_key(|failure| std::cmp::Reverse(failure.at));
        self.failures.truncate(most);
        let groups = self
            .groups
            .into_iter()
            .map(|((queue, name), group)| RecapGroup {
                queue,
                name,
                mean_duration_ms: group.milliseconds.checked_div(group.timed),
                ..group.counts
            });
        RecapSummary {
            groups: groups.collect(),
            failures: self.failures,
        }
    }
}

/// Whether anything happened to the row in the window.
fn is_touched(row: &JobRow, window: &RecapWindow) -> bool {
    [
        row.created_at,
        row.queued_at,
        row.started_at,
        row.finished_at,
        row.updated_at,
    ]
    .into_iter()
    .flatten()
    .any(|at| (window.from..window.to).contains(&at))
}

#[cfg(test)]
mod tests;
