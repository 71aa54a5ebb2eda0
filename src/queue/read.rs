//! What can be asked of a queue: counts, limits, and lists of its jobs.

use std::time::Duration;

use super::{
    ListJobs, Queue, QueueMeta,
    read_walk::{BATCH_JOBS, Pace},
};
use crate::{
    Error, Result,
    job::JobSnapshot,
    script::call,
    wire::{JobState, Limiter, score::MAX_PRIORITY},
};

/// How many priorities one call counts at most; more are asked for in several.
const PRIORITIES: usize = 1000;

/// How many jobs are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Ready to run, in the list `wait`.
    pub wait: u64,
    /// Parked in the list `paused` by a 5.x app. Stock 6.x does not count them.
    pub paused: u64,
    /// Running.
    pub active: u64,
    /// Ready to run, with a priority.
    pub prioritized: u64,
    /// Due later.
    pub delayed: u64,
    /// Waiting for their children.
    pub waiting_children: u64,
    /// Completed and kept.
    pub completed: u64,
    /// Failed for good and kept.
    pub failed: u64,
}

impl Counts {
    /// How many jobs are in a state; those that 5.x parked are `Waiting` too.
    pub fn of(&self, state: JobState) -> u64 {
        match state {
            JobState::Active => self.active,
            JobState::Completed => self.completed,
            JobState::Delayed => self.delayed,
            JobState::Failed => self.failed,
            JobState::Paused => self.paused,
            JobState::Prioritized => self.prioritized,
            JobState::Waiting => self.wait + self.paused,
            JobState::WaitingChildren => self.waiting_children,
            JobState::Unknown => 0,
        }
    }

    /// How many jobs there are in all.
    pub fn total(&self) -> u64 {
        JobState::ALL
            .into_iter()
            .filter(|state| *state != JobState::Paused)
            .map(|state| self.of(state))
            .sum()
    }

    /// How many jobs have still to run: all but the active and finished ones.
    pub fn ahead(&self) -> u64 {
        self.total() - self.active - self.completed - self.failed
    }
}

impl Queue {
    /// How many jobs are in each state.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn counts(&self) -> Result<Counts> {
        let suffixes: Vec<&str> = JobState::ALL
            .into_iter()
            .filter_map(JobState::suffix)
            .collect();
        let counts = call::counts(self.conn(), self.keys()?, &suffixes).await?;
        let count = |state: JobState| {
            let index = JobState::ALL.iter().position(|each| *each == state);
            index
                .and_then(|index| counts.get(index).copied())
                .unwrap_or(0)
        };
        Ok(Counts {
            wait: count(JobState::Waiting),
            paused: count(JobState::Paused),
            active: count(JobState::Active),
            prioritized: count(JobState::Prioritized),
            delayed: count(JobState::Delayed),
            waiting_children: count(JobState::WaitingChildren),
            completed: count(JobState::Completed),
            failed: count(JobState::Failed),
        })
    }

    /// How many jobs are in any of these states; without one, in all.
    ///
    /// # Errors
    /// When `Unknown` is among them, or Redis cannot be reached.
    pub async fn count_of(&self, states: impl IntoIterator<Item = JobState>) -> Result<u64> {
        let mut states: Vec<JobState> = states.into_iter().collect();
        if states.is_empty() {
            states.extend(JobState::ALL);
        }
        let suffixes: Vec<&str> = JobState::keys(&states)?
            .iter()
            .map(|key| key.suffix)
            .collect();
        let counts = call::counts(self.conn(), self.keys()?, &suffixes).await?;
        Ok(counts.iter().sum())
    }

    /// How many jobs have still to run, as stock's `count()`: waiting, prioritized, delayed, and
    /// waiting for children.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn count(&self) -> Result<u64> {
        self.count_of([
            JobState::Waiting,
            JobState::Prioritized,
            JobState::Delayed,
            JobState::WaitingChildren,
        ])
        .await
    }

    /// How many delayed jobs are due before a time (unix ms).
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn delayed_before(&self, time: i64) -> Result<u64> {
        call::delayed_before(self.conn(), self.keys()?, time).await
    }

    /// How many jobs are ready to run with each priority, in the order asked; 0 is none.
    ///
    /// # Errors
    /// When a priority is above 2097151, or Redis cannot be reached.
    pub async fn counts_per_priority(&self, priorities: &[u32]) -> Result<Vec<u64>> {
        if let Some(high) = priorities.iter().find(|priority| **priority > MAX_PRIORITY) {
            return Err(Error::Invalid {
                field: "priorities",
                rule: format!("must be at most {MAX_PRIORITY}, got {high}"),
            });
        }
        let mut counts = Vec::with_capacity(priorities.len());
        for some in priorities.chunks(PRIORITIES) {
            counts.extend(call::counts_per_priority(self.conn(), self.keys()?, some).await?);
        }
        Ok(counts)
    }

    /// The jobs in any of these states; without one, in all. See [`ListJobs`] for the order, and for
    /// ids only and streams.
    ///
    /// `Waiting` includes what a 5.x app parked in `paused`; those come behind all others, unless
    /// `Paused` stands among the states.
    pub fn jobs(&self, states: impl IntoIterator<Item = JobState>) -> ListJobs {
        ListJobs::new(self.clone(), states)
    }

    /// What is stored of several jobs, in the order asked; none of one that is gone.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn snapshots<I: AsRef<str>>(&self, ids: &[I]) -> Result<Vec<Option<JobSnapshot>>> {
        let mut found = Vec::with_capacity(ids.len());
        let mut pace = Pace::new(BATCH_JOBS);
        while let Some(left) = ids.get(found.len()..).filter(|left| !left.is_empty()) {
            let batch = left.get(..pace.next()).unwrap_or(left);
            found.extend(self.read_hashes(batch, &mut pace).await?);
        }
        Ok(found)
    }

    /// Whether the queue is paused.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn is_paused(&self) -> Result<bool> {
        let fields = call::hash_fields(self.conn(), &self.keys()?.key("meta"), &["paused"]).await?;
        Ok(fields.iter().any(Option::is_some))
    }

    /// Whether as many jobs are active as the global concurrency allows.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn is_maxed(&self) -> Result<bool> {
        call::is_maxed(self.conn(), self.keys()?).await
    }

    /// The queue's settings.
    ///
    /// # Errors
    /// When Redis cannot be reached. A setting that cannot be read is reported when it is asked for.
    pub async fn meta(&self) -> Result<QueueMeta> {
        let keys = self.keys()?;
        let fields = call::hash(self.conn(), &keys.key("meta")).await?;
        Ok(QueueMeta::new(keys.queue(), fields))
    }

    /// Which client made the queue, such as `bullmq:6.7.0`.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn version(&self) -> Result<Option<String>> {
        let meta = self.keys()?.key("meta");
        let mut fields = call::hash_fields(self.conn(), &meta, &["version"]).await?;
        Ok(fields.pop().flatten())
    }

    /// How many jobs all workers together may run at once; none is any number.
    ///
    /// # Errors
    /// When it is no number, or Redis cannot be reached.
    pub async fn global_concurrency(&self) -> Result<Option<u64>> {
        self.meta_of(&["concurrency"]).await?.concurrency()
    }

    /// How many jobs all workers together may start in which time; none when that is not limited.
    ///
    /// # Errors
    /// When it cannot be read, or Redis cannot be reached.
    pub async fn global_rate_limit(&self) -> Result<Option<Limiter>> {
        self.meta_of(&["max", "duration"]).await?.rate_limit()
    }

    async fn meta_of(&self, fields: &[&str]) -> Result<QueueMeta> {
        let keys = self.keys()?;
        let values = call::hash_fields(self.conn(), &keys.key("meta"), fields).await?;
        let found = fields.iter().zip(values);
        let found = found.filter_map(|(field, value)| Some(((*field).to_owned(), value?)));
        Ok(QueueMeta::new(keys.queue(), found.collect::<Vec<_>>()))
    }

    /// How long no job may start because of the rate limit; none when jobs may start.
    ///
    /// `max` is a worker's own limit; without one the global limit counts. Without either it tells
    /// what is left of the present window, whether it is used up or not. [`Duration::MAX`] is a
    /// window without an end.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn rate_limit_ttl(&self, max: Option<u32>) -> Result<Option<Duration>> {
        let ttl = call::rate_limit_ttl(self.conn(), self.keys()?, max.unwrap_or(0)).await?;
        Ok(match ttl {
            -1 => Some(Duration::MAX),
            ttl => u64::try_from(ttl)
                .ok()
                .filter(|ttl| *ttl > 0)
                .map(Duration::from_millis),
        })
    }

    /// The job that a deduplication id stands for now, if there is one.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn deduplication_job_id(&self, id: &str) -> Result<Option<String>> {
        call::text_at(self.conn(), &self.keys()?.key(&format!("de:{id}"))).await
    }
}
