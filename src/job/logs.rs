//! A job's log.

use std::{
    future::{Future, IntoFuture},
    ops::RangeBounds,
    pin::Pin,
};

use crate::{
    Result,
    queue::{PAGE_IDS, Pace, Queue, span},
    script::call,
};

/// Rows of a job's log.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobLogs {
    /// The rows of the range, in the chosen order.
    pub rows: Vec<String>,
    /// How many rows there are in all.
    pub count: u64,
}

impl std::fmt::Debug for JobLogs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobLogs")
            .field("rows", &self.rows.len())
            .field("count", &self.count)
            .finish()
    }
}

/// A log about to be read; made by [`JobHandle::logs`](super::JobHandle::logs).
///
/// A command reads at most 1000 rows, of about 1 MiB together.
#[derive(Debug, Clone)]
#[must_use = "a log is read only when this is awaited"]
pub struct ReadLogs {
    queue: Queue,
    id: String,
    first: u64,
    count: Option<u64>,
    ascending: bool,
}

impl ReadLogs {
    pub(super) fn new(queue: Queue, id: String) -> Self {
        Self {
            queue,
            id,
            first: 0,
            count: None,
            ascending: true,
        }
    }

    /// Which rows, counted from 0 in the chosen order. Defaults to all.
    pub fn range(mut self, range: impl RangeBounds<u64>) -> Self {
        (self.first, self.count) = span(&range);
        self
    }

    /// The oldest row first, which is the default.
    pub fn ascending(mut self) -> Self {
        self.ascending = true;
        self
    }

    /// The newest row first.
    pub fn descending(mut self) -> Self {
        self.ascending = false;
        self
    }

    async fn read(self) -> Result<JobLogs> {
        let most = usize::try_from(PAGE_IDS).unwrap_or(usize::MAX);
        let mut pace = Pace::new(most);
        let mut logs = JobLogs::default();
        let mut left = self.count.unwrap_or(u64::MAX);
        let mut first = self.first;
        loop {
            let size = u64::try_from(pace.next()).unwrap_or(1).min(left);
            // An empty range still tells how many rows there are.
            let range = (first, first.saturating_add(size.max(1) - 1));
            let (rows, count) = call::log_rows(
                self.queue.conn(),
                self.queue.keys()?,
                &self.id,
                range,
                self.ascending,
            )
            .await?;
            logs.count = count;
            let read = u64::try_from(rows.len()).unwrap_or(u64::MAX);
            pace.learn(rows.len(), rows.iter().map(String::len).sum());
            if size > 0 {
                logs.rows.extend(rows);
            }
            left = left.saturating_sub(size);
            first = first.saturating_add(size);
            if left == 0 || read < size || first >= count {
                return Ok(logs);
            }
        }
    }
}

impl IntoFuture for ReadLogs {
    type Output = Result<JobLogs>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.read())
    }
}
