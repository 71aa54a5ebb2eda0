//! Listing the jobs of states: a builder that is a future, or a stream.

use std::{
    collections::{HashSet, VecDeque},
    future::{Future, IntoFuture},
    ops::{Bound, RangeBounds},
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::stream::{self, Stream, StreamExt};

use super::{
    Queue,
    read_walk::{BATCH_JOBS, PAGE_IDS, Pace, Walk},
};
use crate::{
    Result,
    job::JobSnapshot,
    script::call,
    wire::{JobState, StateKey},
};

/// How many times the length of its range a list reads at most, to make up for ids without a job.
const BACKFILL: u64 = 5;

/// A list of jobs about to be read; made by [`Queue::jobs`].
///
/// Awaited, it gives the jobs of the range of each state, state after state, as stock's `getJobs`
/// does: the newest first, or [`ascending`](Self::ascending) the oldest (or most urgent) first. Ids
/// whose job is gone are passed over, and later ones take their place in a range that has an end. A
/// job that comes up twice is in the list once.
///
/// Redis is never held up: a command reads at most 1000 ids, a round trip at most 100 jobs of about
/// 1 MiB together. The list is therefore no picture of one moment.
#[derive(Debug, Clone)]
#[must_use = "jobs are read only when the list is awaited or streamed"]
pub struct ListJobs {
    queue: Queue,
    states: Vec<JobState>,
    first: u64,
    /// How many; none is up to the end.
    count: Option<u64>,
    ascending: bool,
}

/// Jobs, or ids, one after the other; made by [`ListJobs::stream`] and [`ListJobs::stream_ids`].
///
/// Ends after an error. A job that changes its state meanwhile may come twice or not at all; one that
/// stays where it is comes exactly once. A stream of jobs passes over those that are gone.
#[must_use = "nothing is read before the stream is polled"]
pub struct JobStream<T = JobSnapshot>(Pin<Box<dyn Stream<Item = Result<T>> + Send>>);

impl<T> JobStream<T> {
    pub(crate) fn new(stream: impl Stream<Item = Result<T>> + Send + 'static) -> Self {
        // Asked again after its end, an unfolded stream panics.
        Self(Box::pin(stream.fuse()))
    }

    /// The next one; none at the end.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn next(&mut self) -> Option<Result<T>> {
        self.0.next().await
    }
}

impl<T> Stream for JobStream<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl<T> std::fmt::Debug for JobStream<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JobStream").finish_non_exhaustive()
    }
}

/// The first place of a range, and how many there are; no count is up to the end.
pub(crate) fn span(range: &impl RangeBounds<u64>) -> (u64, Option<u64>) {
    let first = match range.start_bound() {
        Bound::Included(first) => *first,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let count = match range.end_bound() {
        Bound::Included(last) => Some((last.saturating_add(1)).saturating_sub(first)),
        Bound::Excluded(end) => Some(end.saturating_sub(first)),
        Bound::Unbounded => None,
    };
    (first, count)
}

impl ListJobs {
    pub(super) fn new(queue: Queue, states: impl IntoIterator<Item = JobState>) -> Self {
        let mut states: Vec<JobState> = states.into_iter().collect();
        if states.is_empty() {
            states.extend(JobState::ALL);
        }
        Self {
            queue,
            states,
            first: 0,
            count: None,
            ascending: false,
        }
    }

    /// Which places of each state, counted from 0 in the chosen order: `0..20`, `20..=39`, `..`.
    ///
    /// Defaults to all.
    pub fn range(mut self, range: impl RangeBounds<u64>) -> Self {
        (self.first, self.count) = span(&range);
        self
    }

    /// The oldest first: in the order in which they run, are due, or finished.
    pub fn ascending(mut self) -> Self {
        self.ascending = true;
        self
    }

    /// The newest first, which is the default.
    pub fn descending(mut self) -> Self {
        self.ascending = false;
        self
    }

    /// The ids only, also of jobs whose hash is gone.
    ///
    /// # Errors
    /// When the queue's name or a state cannot be, or Redis cannot be reached.
    pub async fn ids(self) -> Result<Vec<String>> {
        let keys = self.queue.keys()?;
        let mut ids = Vec::new();
        let mut seen = HashSet::new();
        for at in JobState::keys(&self.states)? {
            let most = self.count.unwrap_or(u64::MAX);
            let mut walk = Walk::new(at, self.ascending, self.first, most);
            loop {
                let page = walk.page(self.queue.conn(), keys, PAGE_IDS).await?;
                if page.is_empty() {
                    break;
                }
                ids.extend(page.into_iter().filter(|id| seen.insert(id.clone())));
            }
        }
        Ok(ids)
    }

    async fn read(self) -> Result<Vec<JobSnapshot>> {
        let mut jobs = Vec::new();
        let mut seen = HashSet::new();
        let mut pace = Pace::new(BATCH_JOBS);
        for at in JobState::keys(&self.states)? {
            let wanted = self.count.unwrap_or(u64::MAX);
            let mut left = usize::try_from(wanted).unwrap_or(usize::MAX);
            let most = wanted.saturating_mul(BACKFILL);
            let mut state = StateJobs::new(Walk::new(at, self.ascending, self.first, most));
            while left > 0 {
                let batch = state.batch(&self.queue, left, &mut pace).await?;
                let Some(batch) = batch else { break };
                left -= batch.len();
                jobs.extend(
                    batch
                        .into_iter()
                        .filter(|job| seen.insert(job.id().to_owned())),
                );
            }
        }
        Ok(jobs)
    }

    /// The jobs one after the other, read in batches as the stream is polled.
    pub fn stream(self) -> JobStream {
        JobStream::new(stream::unfold(
            Reading::new(self),
            |mut reading| async move {
                let job = reading.next_job().await?;
                Some((job, reading))
            },
        ))
    }

    /// The ids one after the other, read in pages as the stream is polled.
    pub fn stream_ids(self) -> JobStream<String> {
        JobStream::new(stream::unfold(
            Reading::new(self),
            |mut reading| async move {
                let id = reading.next_id().await?;
                Some((id, reading))
            },
        ))
    }
}

impl IntoFuture for ListJobs {
    type Output = Result<Vec<JobSnapshot>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.read())
    }
}

/// The jobs of one state.
struct StateJobs {
    walk: Walk,
    /// Ids whose hashes are still to be read.
    ids: VecDeque<String>,
}

impl StateJobs {
    fn new(walk: Walk) -> Self {
        Self {
            walk,
            ids: VecDeque::new(),
        }
    }

    /// The next jobs, at most `most`, without those that are gone; none at the end.
    async fn batch(
        &mut self,
        queue: &Queue,
        most: usize,
        pace: &mut Pace,
    ) -> Result<Option<Vec<JobSnapshot>>> {
        let keys = queue.keys()?;
        if self.ids.is_empty() {
            let size = u64::try_from(most.min(BATCH_JOBS)).unwrap_or(PAGE_IDS);
            self.ids = self.walk.page(queue.conn(), keys, size).await?.into();
            if self.ids.is_empty() {
                return Ok(None);
            }
        }
        let size = pace.next().min(most).min(self.ids.len());
        let ids: Vec<String> = self.ids.drain(..size).collect();
        let found = queue.read_hashes(&ids, pace).await?;
        let state = self.walk.at.state;
        Ok(Some(
            found
                .into_iter()
                .flatten()
                .map(|job| job.listed(state))
                .collect(),
        ))
    }
}

impl Queue {
    /// Reads the hashes of jobs in one round trip; none of one that is gone.
    pub(super) async fn read_hashes<I: AsRef<str>>(
        &self,
        ids: &[I],
        pace: &mut Pace,
    ) -> Result<Vec<Option<JobSnapshot>>> {
        let keys = self.keys()?;
        let names: Vec<String> = ids.iter().map(|id| keys.job(id.as_ref())).collect();
        let hashes = call::hashes(self.conn(), &names).await?;
        let bytes = hashes
            .iter()
            .flatten()
            .map(|(name, text)| name.len() + text.len());
        pace.learn(ids.len(), bytes.sum());
        let found = ids.iter().zip(hashes).map(|(id, fields)| {
            let id = id.as_ref().to_owned();
            (!fields.is_empty()).then(|| JobSnapshot::new(keys.clone(), id, fields))
        });
        Ok(found.collect())
    }
}

/// Where a stream is.
struct Reading {
    list: ListJobs,
    /// The states that are still to come; none before the first poll.
    keys: Option<VecDeque<StateKey>>,
    state: Option<StateJobs>,
    ended: bool,
    pace: Pace,
    jobs: VecDeque<JobSnapshot>,
}

impl Reading {
    fn new(list: ListJobs) -> Self {
        Self {
            list,
            keys: None,
            state: None,
            ended: false,
            pace: Pace::new(BATCH_JOBS),
            jobs: VecDeque::new(),
        }
    }

    async fn next_job(&mut self) -> Option<Result<JobSnapshot>> {
        while self.jobs.is_empty() {
            let more = self.more_jobs().await;
            if !self.goes_on(&more) {
                return more.err().map(Err);
            }
        }
        self.jobs.pop_front().map(Ok)
    }

    async fn next_id(&mut self) -> Option<Result<String>> {
        loop {
            if let Some(id) = self.state.as_mut().and_then(|state| state.ids.pop_front()) {
                return Some(Ok(id));
            }
            let more = self.more_ids().await;
            if !self.goes_on(&more) {
                return more.err().map(Err);
            }
        }
    }

    fn goes_on(&mut self, more: &Result<bool>) -> bool {
        let goes_on = matches!(more, Ok(true));
        self.ended |= !goes_on;
        goes_on
    }

    /// The state that is being read; none when all have been.
    fn state(&mut self) -> Result<Option<&mut StateJobs>> {
        if self.ended {
            return Ok(None);
        }
        if self.keys.is_none() {
            self.keys = Some(JobState::keys(&self.list.states)?.into());
        }
        if self.state.is_none()
            && let Some(at) = self.keys.as_mut().and_then(VecDeque::pop_front)
        {
            let most = self.list.count.unwrap_or(u64::MAX);
            let walk = Walk::new(at, self.list.ascending, self.list.first, most);
            self.state = Some(StateJobs::new(walk));
        }
        Ok(self.state.as_mut())
    }

    async fn more_jobs(&mut self) -> Result<bool> {
        let (queue, mut pace) = (self.list.queue.clone(), self.pace);
        let Some(state) = self.state()? else {
            return Ok(false);
        };
        match state.batch(&queue, BATCH_JOBS, &mut pace).await? {
            Some(jobs) => self.jobs.extend(jobs),
            None => self.state = None,
        }
        self.pace = pace;
        Ok(true)
    }

    async fn more_ids(&mut self) -> Result<bool> {
        let queue = self.list.queue.clone();
        let Some(state) = self.state()? else {
            return Ok(false);
        };
        let ids = state
            .walk
            .page(queue.conn(), queue.keys()?, PAGE_IDS)
            .await?;
        if ids.is_empty() {
            self.state = None;
        } else {
            state.ids.extend(ids);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_a_first_place_and_a_count() {
        assert_eq!(span(&(..)), (0, None));
        assert_eq!(span(&(5..)), (5, None));
        assert_eq!(span(&(0..20)), (0, Some(20)));
        assert_eq!(span(&(20..=39)), (20, Some(20)));
        assert_eq!(span(&(..=u64::MAX)), (0, Some(u64::MAX)));
        let (backwards, empty) = (3, 3);
        assert_eq!(span(&(7..backwards)), (7, Some(0)));
        assert_eq!(span(&(3..empty)), (3, Some(0)));
    }
}
