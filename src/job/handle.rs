//! A job seen from outside: what an operator or a producer does to it.

mod change;

pub use change::{AddLog, ChangePriority, RemoveJob, RetryJob};

use std::time::Duration;

use serde::Serialize;

use crate::{Error, Result, clock, queue::Queue, script::call, wire::JobOpts};

/// A handle on a job, which may be gone by now.
#[derive(Debug, Clone)]
pub struct JobHandle {
    pub(super) queue: Queue,
    pub(super) id: String,
}

impl JobHandle {
    pub(crate) fn new(queue: Queue, id: String) -> Self {
        Self { queue, id }
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The job's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Makes a failed job ready to run again, at the end of its queue unless it was added with
    /// `lifo`. As a child it is pending again for its parent.
    ///
    /// Its attempts stay as they are: without [`RetryJob::reset_attempts`] one more failure is
    /// final. Awaited, it fails with [`Error::JobNotFound`], or with [`Error::WrongState`] when
    /// the job has not failed.
    pub fn retry(&self) -> RetryJob<'_> {
        RetryJob::new(self)
    }

    /// Removes the job with its logs and, where it has any, its children.
    ///
    /// Awaited, it fails with [`Error::JobLocked`] while a worker holds the job or a pending child
    /// of it, and with [`Error::SchedulerJob`] when a job scheduler has planned it. A job that is
    /// gone already counts as removed.
    pub fn remove(&self) -> RemoveJob<'_> {
        RemoveJob::new(self)
    }

    /// Makes a delayed job ready to run.
    ///
    /// # Errors
    /// [`Error::WrongState`] when it is not delayed.
    pub async fn promote(&self) -> Result<()> {
        call::promote(self.queue.conn(), self.queue.keys()?, &self.id).await
    }

    /// Makes a delayed job due so long from now (whole ms), whatever its delay was.
    ///
    /// # Errors
    /// [`Error::JobNotFound`], or [`Error::WrongState`] when it is not delayed.
    pub async fn change_delay(&self, delay: Duration) -> Result<()> {
        let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        let (conn, keys) = (self.queue.conn(), self.queue.keys()?);
        call::change_delay(conn, keys, &self.id, delay, clock::now()).await
    }

    /// Gives the job another priority, 1 to 2097151, or 0 for none. While it is ready to run it
    /// goes behind those of its new class; [`ChangePriority::lifo`] puts it before them. A job in
    /// another state keeps its place, and has the priority for the next time.
    ///
    /// Awaited, it fails with [`Error::JobNotFound`], or [`Error::Invalid`] of a number too high.
    pub fn change_priority(&self, priority: u32) -> ChangePriority<'_> {
        ChangePriority::new(self, priority)
    }

    /// Replaces the job's data.
    ///
    /// # Errors
    /// [`Error::JobNotFound`], or [`Error::Invalid`] of data without a JSON form.
    pub async fn update_data(&self, data: impl Serialize) -> Result<()> {
        let json = json("data", &data)?;
        call::update_data(self.queue.conn(), self.queue.keys()?, &self.id, &json).await
    }

    /// Reports progress: any value with a JSON form, a number of percent by custom.
    ///
    /// # Errors
    /// [`Error::JobNotFound`], or [`Error::Invalid`] of a value without a JSON form.
    pub async fn update_progress(&self, progress: impl Serialize) -> Result<()> {
        let json = json("progress", &progress)?;
        call::update_progress(self.queue.conn(), self.queue.keys()?, &self.id, &json).await
    }

    /// Appends a row to the job's log, of which the newest rows are kept as the job's options say,
    /// or [`AddLog::keep`]. Awaited, it gives how many rows there are then, or
    /// [`Error::JobNotFound`].
    pub fn log(&self, row: impl std::fmt::Display) -> AddLog<'_> {
        AddLog::new(self, row.to_string())
    }

    /// Removes the job's log but for the newest `keep` rows.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn clear_logs(&self, keep: u64) -> Result<()> {
        call::clear_logs(self.queue.conn(), self.queue.keys()?, &self.id, keep).await
    }

    /// Opens the deduplication window that the job owns: the next job with the same deduplication
    /// id is added. Says whether the job owned one.
    ///
    /// # Errors
    /// [`Error::JobNotFound`], or when Redis cannot be reached.
    pub async fn remove_deduplication_key(&self) -> Result<bool> {
        let Some(deduplication_id) = self.stored_field("deid", "removeDeduplicationKey").await?
        else {
            return Ok(false);
        };
        let (conn, keys) = (self.queue.conn(), self.queue.keys()?);
        call::remove_own_deduplication_key(conn, keys, &self.id, &deduplication_id).await
    }

    /// Makes the job's parent wait for it no longer; the parent is ready to run if this was its
    /// last pending child. Says whether the parent had waited.
    ///
    /// # Errors
    /// [`Error::JobNotFound`], or [`Error::ParentNotFound`] when the parent is gone.
    pub async fn remove_child_dependency(&self) -> Result<bool> {
        let Some(parent) = self
            .stored_field("parentKey", "removeChildDependency")
            .await?
        else {
            return Ok(false);
        };
        let (conn, keys) = (self.queue.conn(), self.queue.keys()?);
        call::remove_child_dependency(conn, keys, &self.id, &parent).await
    }

    /// Removes the children that the job still waits for, with what is below them, but those that
    /// a worker holds or that have failed.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn remove_unprocessed_children(&self) -> Result<()> {
        call::remove_unprocessed_children(self.queue.conn(), self.queue.keys()?, &self.id).await
    }

    /// A field of the job's hash that not every job has.
    async fn stored_field(&self, name: &str, command: &'static str) -> Result<Option<String>> {
        let (conn, keys) = (self.queue.conn(), self.queue.keys()?);
        let job = keys.job(&self.id);
        let found = call::hash_fields(conn, &job, &[name]).await?;
        let found = found.into_iter().next().flatten();
        if found.is_none() && !call::exists(conn, &job).await? {
            return Err(Error::JobNotFound {
                queue: keys.queue().to_owned(),
                id: self.id.clone(),
                command,
            });
        }
        Ok(found)
    }

    /// The job's options; none of them when it has none, or is gone.
    async fn stored_options(&self) -> Result<JobOpts> {
        let (conn, keys) = (self.queue.conn(), self.queue.keys()?);
        let found = call::hash_fields(conn, &keys.job(&self.id), &["opts"]).await?;
        match found.into_iter().next().flatten() {
            Some(text) => crate::wire::read_json(&text, &format!("`opts` of job `{}`", self.id)),
            None => Ok(JobOpts::default()),
        }
    }
}

fn json(field: &'static str, value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::Invalid {
        field,
        rule: format!("has no JSON form: {error}"),
    })
}
