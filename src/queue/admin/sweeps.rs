//! The sweeps that scripts do.

use std::time::Duration;

use super::sweep::{Limited, Operation, Sweep, sealed::Step};
use crate::{Result, clock, queue::Queue, script::call};

/// See [`Queue::drain`].
#[derive(Debug, Clone, Default)]
pub struct Drain {
    delayed: bool,
}

/// See [`Queue::clean`].
#[derive(Debug, Clone)]
pub struct Clean {
    state: Cleanable,
    grace: Duration,
    newest: Option<i64>,
    kept: u64,
}

/// A state that can be cleaned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cleanable {
    /// Jobs that completed, by when they did.
    Completed,
    /// Jobs that failed for good, by when they did.
    Failed,
    /// Jobs that are ready to run, by when they were last added or run.
    Waiting,
    /// Jobs that a 5.x client put aside while the queue is paused.
    Paused,
    /// Jobs with a priority, by when they were added.
    Prioritized,
    /// Jobs that are due later, by when they were last added or run.
    Delayed,
    /// Jobs that no worker holds any more, by when they were started.
    Active,
}

/// See [`Queue::obliterate`].
#[derive(Debug, Clone, Default)]
pub struct Obliterate {
    force: bool,
    is_paused: bool,
}

/// See [`Queue::retry_all`].
#[derive(Debug, Clone, Default)]
pub struct RetryAll {
    completed: bool,
    newest: Option<i64>,
}

/// See [`Queue::promote_all`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PromoteAll {}

impl Clean {
    pub(super) fn new(state: Cleanable) -> Self {
        Self {
            state,
            grace: Duration::ZERO,
            newest: None,
            kept: 0,
        }
    }
}

impl Cleanable {
    /// The name of the state's key.
    fn key(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Waiting => "wait",
            Self::Paused => "paused",
            Self::Prioritized => "prioritized",
            Self::Delayed => "delayed",
            Self::Active => "active",
        }
    }
}

impl Sweep<'_, Drain> {
    /// Removes delayed jobs too.
    pub fn with_delayed(self) -> Self {
        self.set(|drain| drain.delayed = true)
    }
}

impl Sweep<'_, Clean> {
    /// Keeps jobs that are younger than this when the sweep begins.
    pub fn older_than(self, age: Duration) -> Self {
        self.set(|clean| clean.grace = age)
    }
}

impl Sweep<'_, Obliterate> {
    /// Deletes active jobs too, and takes their locks; the workers that run them lose them.
    pub fn force(self) -> Self {
        self.set(|obliterate| obliterate.force = true)
    }
}

impl Sweep<'_, RetryAll> {
    /// Runs completed jobs again, instead of failed ones.
    pub fn completed(self) -> Self {
        self.set(|retry| retry.completed = true)
    }

    /// Leaves jobs that finished later than this, in ms since 1970. By default those that finish
    /// after the sweep began.
    pub fn finished_by(self, at: i64) -> Self {
        self.set(|retry| retry.newest = Some(at))
    }
}

impl Step for Drain {
    type Found = u64;

    async fn step(&mut self, queue: &Queue, most: u64) -> Result<(u64, bool)> {
        let stepped = call::drain(queue.conn(), queue.keys()?, self.delayed, most).await?;
        Ok((stepped.jobs, stepped.again))
    }
}

impl Step for Clean {
    type Found = Vec<String>;

    async fn step(&mut self, queue: &Queue, most: u64) -> Result<(Vec<String>, bool)> {
        let grace = i64::try_from(self.grace.as_millis()).unwrap_or(i64::MAX);
        let newest = *self
            .newest
            .get_or_insert_with(|| clock::now().saturating_sub(grace));
        let (looked, removed) = call::clean(
            queue.conn(),
            queue.keys()?,
            self.state.key(),
            newest,
            self.kept,
            most,
        )
        .await?;
        let went = u64::try_from(removed.len()).unwrap_or(looked);
        self.kept += looked.saturating_sub(went);
        Ok((removed, looked >= most))
    }
}

impl Step for Obliterate {
    type Found = u64;

    async fn step(&mut self, queue: &Queue, most: u64) -> Result<(u64, bool)> {
        if !self.is_paused {
            queue.pause().await?;
            self.is_paused = true;
        }
        let stepped = call::obliterate(queue.conn(), queue.keys()?, self.force, most).await?;
        Ok((stepped.jobs, stepped.again))
    }
}

impl Step for RetryAll {
    type Found = u64;

    async fn step(&mut self, queue: &Queue, most: u64) -> Result<(u64, bool)> {
        // A job that fails again meanwhile is not retried for ever.
        let newest = *self.newest.get_or_insert_with(clock::now);
        let state = if self.completed {
            "completed"
        } else {
            "failed"
        };
        let (conn, keys) = (queue.conn(), queue.keys()?);
        let stepped = call::move_jobs_to_wait(conn, keys, state, Some(newest), most).await?;
        Ok((stepped.jobs, stepped.again))
    }
}

impl Step for PromoteAll {
    type Found = u64;

    async fn step(&mut self, queue: &Queue, most: u64) -> Result<(u64, bool)> {
        let (conn, keys) = (queue.conn(), queue.keys()?);
        let stepped = call::move_jobs_to_wait(conn, keys, "delayed", None, most).await?;
        Ok((stepped.jobs, stepped.again))
    }
}

impl Operation for Drain {}
impl Operation for Clean {}
impl Operation for Obliterate {}
impl Operation for RetryAll {}
impl Operation for PromoteAll {}
impl Limited for Drain {}
impl Limited for Clean {}
impl Limited for RetryAll {}
impl Limited for PromoteAll {}
