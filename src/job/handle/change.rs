//! The changes of a job that have options of their own.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
};

use super::JobHandle;
use crate::{
    Error, Result,
    script::call::{self, Reprocess},
    wire::{saturating_int, score::MAX_PRIORITY},
};

/// See [`JobHandle::retry`].
#[derive(Debug, Clone)]
#[must_use = "nothing happens until it is awaited"]
pub struct RetryJob<'a> {
    job: &'a JobHandle,
    completed: bool,
    reset_attempts: bool,
    reset_starts: bool,
}

/// See [`JobHandle::remove`].
#[derive(Debug, Clone)]
#[must_use = "nothing happens until it is awaited"]
pub struct RemoveJob<'a> {
    job: &'a JobHandle,
    with_children: bool,
}

/// See [`JobHandle::change_priority`].
#[derive(Debug, Clone)]
#[must_use = "nothing happens until it is awaited"]
pub struct ChangePriority<'a> {
    job: &'a JobHandle,
    priority: u32,
    lifo: bool,
}

/// See [`JobHandle::log`].
#[derive(Debug, Clone)]
#[must_use = "nothing happens until it is awaited"]
pub struct AddLog<'a> {
    job: &'a JobHandle,
    row: String,
    keep: Option<u64>,
}

impl<'a> RetryJob<'a> {
    pub(super) fn new(job: &'a JobHandle) -> Self {
        Self {
            job,
            completed: false,
            reset_attempts: false,
            reset_starts: false,
        }
    }

    /// Runs a job again that completed, instead of one that failed.
    pub fn completed(mut self) -> Self {
        self.completed = true;
        self
    }

    /// Gives the job all its attempts anew (`resetAttemptsMade`).
    pub fn reset_attempts(mut self) -> Self {
        self.reset_attempts = true;
        self
    }

    /// Counts from 0 how often the job was started (`resetAttemptsStarted`).
    pub fn reset_starts(mut self) -> Self {
        self.reset_starts = true;
        self
    }

    async fn send(self) -> Result<()> {
        let how = Reprocess {
            completed: self.completed,
            lifo: self.job.stored_options().await?.lifo,
            reset_attempts_made: self.reset_attempts,
            reset_attempts_started: self.reset_starts,
        };
        let queue = &self.job.queue;
        call::reprocess(queue.conn(), queue.keys()?, &self.job.id, how).await
    }
}

impl<'a> RemoveJob<'a> {
    pub(super) fn new(job: &'a JobHandle) -> Self {
        Self {
            job,
            with_children: true,
        }
    }

    /// Leaves the children where they are.
    pub fn keep_children(mut self) -> Self {
        self.with_children = false;
        self
    }

    async fn send(self) -> Result<()> {
        let queue = &self.job.queue;
        call::remove_job(
            queue.conn(),
            queue.keys()?,
            &self.job.id,
            self.with_children,
        )
        .await
    }
}

impl<'a> ChangePriority<'a> {
    pub(super) fn new(job: &'a JobHandle, priority: u32) -> Self {
        Self {
            job,
            priority,
            lifo: false,
        }
    }

    /// Puts the job before those of its new class.
    pub fn lifo(mut self) -> Self {
        self.lifo = true;
        self
    }

    async fn send(self) -> Result<()> {
        if self.priority > MAX_PRIORITY {
            return Err(Error::Invalid {
                field: "priority",
                rule: format!("must be at most {MAX_PRIORITY}, got {}", self.priority),
            });
        }
        let queue = &self.job.queue;
        let (conn, keys) = (queue.conn(), queue.keys()?);
        call::change_priority(conn, keys, &self.job.id, self.priority, self.lifo).await
    }
}

impl<'a> AddLog<'a> {
    pub(super) fn new(job: &'a JobHandle, row: String) -> Self {
        Self {
            job,
            row,
            keep: None,
        }
    }

    /// Keeps the newest so many rows, 0 for all, whatever the job's options say.
    pub fn keep(mut self, rows: u64) -> Self {
        self.keep = Some(rows);
        self
    }

    async fn send(self) -> Result<u64> {
        let keep = match self.keep {
            Some(rows) => i64::try_from(rows).unwrap_or(i64::MAX),
            None => self
                .job
                .stored_options()
                .await?
                .keep_logs
                .map_or(0, saturating_int),
        };
        let queue = &self.job.queue;
        let (conn, keys) = (queue.conn(), queue.keys()?);
        // To a JavaScript client 0 means no limit; what is below means nothing.
        let keep = (keep > 0).then_some(keep);
        call::add_log(conn, keys, &self.job.id, &self.row, keep).await
    }
}

/// Makes a builder a future.
macro_rules! awaited {
    ($($builder:ident -> $output:ty;)*) => {$(
        impl<'a> IntoFuture for $builder<'a> {
            type Output = Result<$output>;
            type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(self.send())
            }
        }
    )*};
}

awaited! {
    RetryJob -> ();
    RemoveJob -> ();
    ChangePriority -> ();
    AddLog -> u64;
}
