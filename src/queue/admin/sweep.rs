//! Operations on many jobs, which go in bounded steps so that Redis serves others in between.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
};

use crate::{Result, queue::Queue};

/// Jobs in a step that is not told otherwise.
const STEP: u64 = 1000;
/// Jobs in the largest step; larger ones keep the server busy for too long.
const LARGEST_STEP: u64 = 10_000;

/// An operation on many jobs. Awaited, it does all of it; [`step`](Self::step) does one part.
///
/// Each step is atomic. Dropping it between or during steps leaves the queue with whole steps
/// done; the same operation started anew does the rest.
#[derive(Debug, Clone)]
#[must_use = "nothing happens until it is awaited or stepped"]
pub struct Sweep<'a, K> {
    queue: &'a Queue,
    operation: K,
    step_size: u64,
    left: Option<u64>,
    done: u64,
    is_over: bool,
}

/// What a [`Sweep`] does in a step.
pub trait Operation: sealed::Step {}

/// An [`Operation`] that may stop before its end.
pub trait Limited: Operation {}

/// What steps have to show.
pub trait Found: Default + Send {
    /// For how many jobs it stands.
    fn count(&self) -> u64;
    /// Adds what a later step has to show.
    fn merge(&mut self, later: Self);
}

pub(super) mod sealed {
    use super::{Found, Future, Queue, Result};

    /// How a step is done.
    pub trait Step: Send {
        /// How many jobs, or which.
        type Found: Found;

        /// Handles at most `most` jobs; gives them, and whether there may be more.
        fn step(
            &mut self,
            queue: &Queue,
            most: u64,
        ) -> impl Future<Output = Result<(Self::Found, bool)>> + Send;
    }
}

impl Found for u64 {
    fn count(&self) -> u64 {
        *self
    }

    fn merge(&mut self, later: Self) {
        *self += later;
    }
}

impl Found for Vec<String> {
    fn count(&self) -> u64 {
        u64::try_from(self.len()).unwrap_or(u64::MAX)
    }

    fn merge(&mut self, later: Self) {
        self.extend(later);
    }
}

impl<'a, K: Operation> Sweep<'a, K> {
    pub(super) fn new(queue: &'a Queue, operation: K) -> Self {
        Self {
            queue,
            operation,
            step_size: STEP,
            left: None,
            done: 0,
            is_over: false,
        }
    }

    /// Handles so many jobs in a step: 1 to 10,000, and 1,000 by default.
    pub fn step_size(mut self, jobs: u64) -> Self {
        self.step_size = jobs.clamp(1, LARGEST_STEP);
        self
    }

    /// Does the next step and gives what it has to show; `None` when nothing is left to do. After
    /// an error the same step may be tried again.
    ///
    /// # Errors
    /// When Redis cannot be reached, or refuses the operation.
    pub async fn step(&mut self) -> Result<Option<K::Found>> {
        let most = self
            .left
            .map_or(self.step_size, |left| left.min(self.step_size));
        if self.is_over || most == 0 {
            return Ok(None);
        }
        let (found, again) = self.operation.step(self.queue, most).await?;
        let count = found.count();
        self.is_over = !again;
        self.done += count;
        self.left = self.left.map(|left| left.saturating_sub(count));
        Ok(Some(found))
    }

    /// How many jobs the steps so far have handled.
    pub fn done(&self) -> u64 {
        self.done
    }

    pub(super) fn set(mut self, change: impl FnOnce(&mut K)) -> Self {
        change(&mut self.operation);
        self
    }
}

impl<K: Limited> Sweep<'_, K> {
    /// Stops after so many jobs.
    pub fn at_most(mut self, jobs: u64) -> Self {
        self.left = Some(jobs);
        self
    }
}

impl<'a, K: Operation + 'a> IntoFuture for Sweep<'a, K> {
    type Output = Result<K::Found>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut all = K::Found::default();
            while let Some(found) = self.step().await? {
                all.merge(found);
            }
            Ok(all)
        })
    }
}
