//! What can be asked of a job from outside.

use serde::de::DeserializeOwned;

use super::{ChildCounts, ChildKind, JobHandle, JobSnapshot, ListChildren, ReadLogs};
use crate::{
    Error, Result,
    script::call::{self, FinishedAs},
    wire::{JobState, read_json},
};

/// How a job has ended.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finished {
    /// It has completed; with the JSON text of what its handler returned, where that was stored.
    Completed(Option<String>),
    /// It has failed for good; with the message, where that was stored.
    Failed(Option<String>),
}

impl Finished {
    /// What the handler of a completed job returned, as a `T`; none of a job that failed.
    ///
    /// # Errors
    /// When it is no `T`: with the path of the bad field.
    pub fn read<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        match self {
            Self::Completed(Some(json)) => read_json(json, "the job's return value").map(Some),
            Self::Completed(None) | Self::Failed(_) => Ok(None),
        }
    }
}

impl std::fmt::Debug for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Completed(_) => "Completed",
            Self::Failed(_) => "Failed",
        })
    }
}

impl JobHandle {
    /// What is stored of the job; none when it is gone.
    ///
    /// # Errors
    /// When Redis cannot be reached. A field that cannot be read is reported when it is asked for.
    pub async fn snapshot(&self) -> Result<Option<JobSnapshot>> {
        let found = self.queue.snapshots(&[&self.id]).await?;
        Ok(found.into_iter().next().flatten())
    }

    /// Whether the job exists.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn exists(&self) -> Result<bool> {
        let keys = self.queue.keys()?;
        call::exists(self.queue.conn(), &keys.job(&self.id)).await
    }

    /// The state the job is in. A job that a 5.x app parked while its queue is paused is waiting.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn state(&self) -> Result<JobState> {
        call::state(self.queue.conn(), self.queue.keys()?, &self.id)
            .await?
            .parse()
    }

    /// Whether the job is in a state.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn is_in(&self, state: JobState) -> Result<bool> {
        if state == JobState::Unknown {
            return Ok(self.state().await? == state);
        }
        let at = JobState::keys(&[state])?;
        call::is_in_state(self.queue.conn(), self.queue.keys()?, &at, &self.id).await
    }

    /// Whether the job is ready to run, without a priority.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn is_waiting(&self) -> Result<bool> {
        self.is_in(JobState::Waiting).await
    }

    /// Whether the job is ready to run, with a priority.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn is_prioritized(&self) -> Result<bool> {
        self.is_in(JobState::Prioritized).await
    }

    /// Whether a worker has the job.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn is_active(&self) -> Result<bool> {
        self.is_in(JobState::Active).await
    }

    /// Whether the job is due later.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn is_delayed(&self) -> Result<bool> {
        self.is_in(JobState::Delayed).await
    }

    /// Whether the job waits for its children.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn is_waiting_children(&self) -> Result<bool> {
        self.is_in(JobState::WaitingChildren).await
    }

    /// Whether the job has completed, and is kept.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn is_completed(&self) -> Result<bool> {
        self.is_in(JobState::Completed).await
    }

    /// Whether the job has failed for good, and is kept.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn is_failed(&self) -> Result<bool> {
        self.is_in(JobState::Failed).await
    }

    /// How the job has ended; none as long as it has not.
    ///
    /// # Errors
    /// [`Error::JobNotFound`] when it is gone, and when Redis cannot be reached.
    pub async fn finished(&self) -> Result<Option<Finished>> {
        let keys = self.queue.keys()?;
        let (finished, value) = call::finished_as(self.queue.conn(), keys, &self.id).await?;
        match finished {
            FinishedAs::NoJob => Err(Error::JobNotFound {
                queue: keys.queue().to_owned(),
                id: self.id.clone(),
                command: "isFinished",
            }),
            FinishedAs::NotYet => Ok(None),
            FinishedAs::Completed => Ok(Some(Finished::Completed(value))),
            FinishedAs::Failed => Ok(Some(Finished::Failed(value))),
        }
    }

    /// Who holds the job's lock: the token of the worker that runs it.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn lock_token(&self) -> Result<Option<String>> {
        let ids = [self.id.as_str()];
        let holders = call::lock_holders(self.queue.conn(), self.queue.keys()?, &ids).await?;
        Ok(holders.into_iter().next().flatten())
    }

    /// The rows of the job's log.
    pub fn logs(&self) -> ReadLogs {
        ReadLogs::new(self.queue.clone(), self.id.clone())
    }

    /// How many children the job has, by how they ended or that they have not.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn children_counts(&self) -> Result<ChildCounts> {
        ChildCounts::read(&self.queue, &self.id).await
    }

    /// The children of one kind: a page, a stream, or all of them.
    pub fn children(&self, kind: ChildKind) -> ListChildren {
        ListChildren::new(self.queue.clone(), self.id.clone(), kind)
    }

    /// What the completed children returned, by their full keys.
    ///
    /// # Errors
    /// When a value is no `T`: with the child and the path of the bad field; and when Redis cannot be
    /// reached.
    pub async fn children_values<T: DeserializeOwned>(&self) -> Result<Vec<(String, T)>> {
        let children = self.children(ChildKind::Processed).all().await?;
        let read = |child: super::Child| Ok((child.key().to_owned(), child.read_value()?));
        children.into_iter().map(read).collect()
    }

    /// Why children failed whose failure the job was to ignore, by their full keys. (Stock's
    /// `getIgnoredChildrenFailures`, formerly `getFailedChildrenValues`.)
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn ignored_children_failures(&self) -> Result<Vec<(String, String)>> {
        let children = self.children(ChildKind::Ignored).all().await?;
        let read = |child: super::Child| {
            let reason = child.failed_reason().unwrap_or_default().to_owned();
            (child.key().to_owned(), reason)
        };
        Ok(children.into_iter().map(read).collect())
    }
}
