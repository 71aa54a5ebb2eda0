//! A job that is held by hand, and each way out of `active`.

use std::{sync::Arc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use tracing::{debug, warn};

use super::{Fetched, Post};
use crate::{
    BoxError, Error, Result, clock,
    script::call::{self, Fetch, FetchReply, FinishKind},
    wire::JobRecord,
    worker::{
        Outcome, RawJob,
        executor::fault,
        verdict::{Ending, Verdict},
    },
};

/// A job that is `active` and locked by us, until it is moved.
///
/// A move that fails because Redis cannot be reached ([`Error::is_transient`]) may be made again;
/// if only its reply was lost, the second one finds that out and succeeds.
///
/// A job that is dropped before it was moved stays `active` and locked. Once its lock has expired,
/// a stalled check hands it back, which counts as a stall.
#[derive(Debug)]
pub struct HeldJob {
    job: RawJob,
    post: Arc<Post>,
    /// Whether the job is no longer ours to move.
    left: bool,
    /// Whether a move may have been made although it failed.
    ambiguous: bool,
}

/// What became of a job whose attempt has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AfterFailure {
    /// It has failed for good.
    Failed,
    /// It runs again after this long, or as soon as its turn comes (zero).
    Retried(Duration),
}

impl HeldJob {
    pub(super) fn new(job: RawJob, post: Arc<Post>) -> Self {
        Self {
            job,
            post,
            left: false,
            ambiguous: false,
        }
    }

    /// The job's id.
    pub fn id(&self) -> &str {
        self.job.id()
    }

    /// The job's name; empty when its hash has none.
    pub fn name(&self) -> &str {
        self.job.name()
    }

    /// The value of its lock.
    pub fn token(&self) -> &str {
        self.job.lock_token()
    }

    /// The job's data.
    ///
    /// # Errors
    /// When it is not the JSON of a `T`; the message names the path of the bad field.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T> {
        crate::wire::read_json(self.job.data().get(), "`data`")
    }

    /// The job's hash as it was when it was taken.
    pub fn record(&self) -> &JobRecord {
        self.job.record()
    }

    /// The job as a processor gets it: progress, logs, data, children.
    pub fn raw(&self) -> &RawJob {
        &self.job
    }

    /// Why the job ought to be failed instead of run: a child's failure or too many stalls, a hash
    /// that cannot be read, or too many starts. A worker would fail it unrecoverably.
    pub fn must_fail(&self) -> Option<&str> {
        let record = self.record();
        let most = self.post.rules.max_started_attempts;
        record
            .deferred_failure
            .as_deref()
            .or(record.fault.as_deref())
            .or_else(|| {
                most.is_some_and(|most| most < record.attempts_started)
                    .then_some("job started more than allowable limit")
            })
    }

    /// Completes the job with a return value.
    ///
    /// # Errors
    /// When the value has no JSON form, the job has pending (-4) or failed (-9) children and stays
    /// ours, the lock is lost, or Redis cannot be reached.
    pub async fn move_to_completed(&mut self, value: &(impl Serialize + ?Sized)) -> Result<()> {
        self.complete(value, false).await.map(drop)
    }

    /// As [`move_to_completed`](Self::move_to_completed), and takes the next job in the same call,
    /// with the same token.
    ///
    /// # Errors
    /// As there.
    pub async fn move_to_completed_and_fetch(
        &mut self,
        value: &(impl Serialize + ?Sized),
    ) -> Result<Fetched> {
        let reply = self.complete(value, true).await?;
        Ok(self.post.fetched(reply, self.job.lock_token()).await)
    }

    /// Fails the attempt: the job is retried as its `attempts` and `backoff` say, or has failed for
    /// good. A [`Failure`](crate::Failure) in the error's chain says more.
    ///
    /// # Errors
    /// When the lock is lost or Redis cannot be reached.
    pub async fn move_to_failed(&mut self, error: impl Into<BoxError>) -> Result<AfterFailure> {
        let (after, _) = self.fail(error.into(), false).await?;
        Ok(after)
    }

    /// As [`move_to_failed`](Self::move_to_failed), and takes the next job in the same call, with
    /// the same token. A job that is retried at once takes none, as with stock.
    ///
    /// # Errors
    /// As there.
    pub async fn move_to_failed_and_fetch(
        &mut self,
        error: impl Into<BoxError>,
    ) -> Result<(AfterFailure, Fetched)> {
        let (after, reply) = self.fail(error.into(), true).await?;
        let fetched = self.post.fetched(reply, self.job.lock_token()).await;
        Ok((after, fetched))
    }

    /// Runs the job again after `delay`, without using an attempt.
    ///
    /// # Errors
    /// When the lock is lost or Redis cannot be reached.
    pub async fn move_to_delayed(&mut self, delay: Duration) -> Result<()> {
        let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        let conn = &self.post.conn;
        let moved = call::move_to_delayed(conn, self.fetch(false)?, delay, true, &Vec::new()).await;
        self.conclude(moved, false).await.map(drop)
    }

    /// Hands the job back to the front of the queue, without using an attempt. Gives how long the
    /// queue is still rate limited, if it is.
    ///
    /// # Errors
    /// When the lock is lost or Redis cannot be reached.
    pub async fn move_to_wait(&mut self) -> Result<Option<Duration>> {
        let moved = call::move_to_wait(&self.post.conn, self.fetch(false)?).await;
        let limit = self.conclude(moved, false).await?;
        Ok((limit > 0).then(|| Duration::from_millis(limit)))
    }

    /// Holds the queue's rate limited workers for so long (stock's `rateLimit`), and hands the job
    /// back. Holds only where the queue or its workers have a rate limit.
    ///
    /// # Errors
    /// When the lock is lost or Redis cannot be reached.
    pub async fn rate_limit(&mut self, window: Duration) -> Result<Option<Duration>> {
        self.fetch(false)?;
        let millis = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        call::rate_limit(&self.post.conn, &self.post.keys, millis).await?;
        self.move_to_wait().await
    }

    /// Waits for the job's children. `false` when none is pending: the job stays ours.
    ///
    /// # Errors
    /// When a child has failed (-9), the lock is lost, or Redis cannot be reached.
    pub async fn move_to_waiting_children(&mut self) -> Result<bool> {
        self.wait_for_children(None).await
    }

    /// Waits for the job's children, as long as this one of them is pending; its key is
    /// `<prefix>:<queue>:<id>`. `false` when it is not: the job stays ours.
    ///
    /// # Errors
    /// As [`move_to_waiting_children`](Self::move_to_waiting_children).
    pub async fn move_to_waiting_child(&mut self, child_key: &str) -> Result<bool> {
        self.wait_for_children(Some(child_key)).await
    }

    /// Keeps the lock for `duration` from now.
    ///
    /// # Errors
    /// [`Error::LockLost`] when it is gone or another's; or when Redis cannot be reached.
    pub async fn extend_lock(&mut self, duration: Duration) -> Result<()> {
        let Fetch {
            keys, id, token, ..
        } = self.fetch(false)?;
        if call::extend_lock(&self.post.conn, keys, id, token, duration).await? {
            return Ok(());
        }
        let lost = Error::from_code("extendLock", -2, keys.queue(), id);
        self.left = true;
        Err(lost)
    }

    /// Gives the job up, for a caller who is gone.
    pub(super) async fn hand_back(mut self) {
        if let Err(error) = self.move_to_wait().await {
            debug!(
                target: "bullrs::worker", queue = self.job.queue(), job_id = self.id(), %error,
                "cannot hand back a job that nobody took"
            );
        }
    }

    async fn complete(
        &mut self,
        value: &(impl Serialize + ?Sized),
        next: bool,
    ) -> Result<FetchReply> {
        let outcome = serde_json::value::to_raw_value(value).map_err(|error| Error::Decode {
            what: "the return value".into(),
            reason: error.to_string(),
        })?;
        let ending = Ending::Returned(Outcome::Done(outcome));
        let (_, reply) = self.settle(ending, next).await?;
        Ok(reply)
    }

    async fn fail(&mut self, error: BoxError, next: bool) -> Result<(AfterFailure, FetchReply)> {
        let mut fault = fault(error.as_ref());
        if fault.rule.is_none()
            && let Some(note) = self.post.rules.unknown_backoff(self.record())
        {
            fault.reason = format!("{} ({note})", fault.reason);
        }
        self.settle(Ending::Failed(fault), next).await
    }

    /// Applies the rules to how the attempt ended, and writes what they say.
    async fn settle(&mut self, ending: Ending, next: bool) -> Result<(AfterFailure, FetchReply)> {
        let verdict = self
            .post
            .rules
            .decide(ending, self.record(), clock::random());
        let Verdict::Finish { kind, fields, .. } = verdict else {
            return Err(Error::Closed);
        };
        let (conn, fetch) = (&self.post.conn, self.fetch(next)?);
        let (after, moved) = match kind {
            FinishKind::Completed { value, keep } => {
                // Only a failure is counted against the attempts.
                let moved = call::move_to_finished(conn, fetch, true, &value, keep, 0.0, &fields);
                (AfterFailure::Failed, moved.await)
            }
            FinishKind::Failed {
                reason,
                keep,
                attempts,
            } => {
                let moved =
                    call::move_to_finished(conn, fetch, false, &reason, keep, attempts, &fields);
                (AfterFailure::Failed, moved.await)
            }
            FinishKind::Delayed {
                delay,
                skip_attempt,
            } => {
                let moved = call::move_to_delayed(conn, fetch, delay, skip_attempt, &fields);
                let after = AfterFailure::Retried(Duration::from_millis(delay));
                (after, moved.await)
            }
            FinishKind::Retry { lifo } => {
                let moved = call::retry_job(conn, fetch, lifo, &fields).await;
                let after = AfterFailure::Retried(Duration::ZERO);
                (after, moved.map(|()| FetchReply::default()))
            }
            FinishKind::Wait => return Err(Error::Closed),
        };
        let reply = self.conclude(moved, true).await?;
        Ok((after, reply))
    }

    async fn wait_for_children(&mut self, child_key: Option<&str>) -> Result<bool> {
        let Fetch {
            keys,
            id,
            token,
            now,
            ..
        } = self.fetch(false)?;
        let conn = &self.post.conn;
        let moved = call::move_to_waiting_children(conn, keys, id, token, child_key, now).await;
        if matches!(moved, Ok(false)) {
            return Ok(false);
        }
        self.conclude(moved.map(drop), false).await.map(|()| true)
    }

    /// What a move of this job is called with.
    fn fetch(&self, next: bool) -> Result<Fetch<'_>> {
        if self.left {
            return Err(Error::WrongState {
                queue: self.job.queue().to_owned(),
                id: self.id().to_owned(),
                command: "a second move",
            });
        }
        Ok(Fetch {
            keys: &self.post.keys,
            claim: &self.post.claim,
            id: self.id(),
            token: self.token(),
            now: clock::now(),
            next,
        })
    }

    /// Notes whether the job has left. A move that only its reply was lost of has been made.
    async fn conclude<T: Default>(&mut self, moved: Result<T>, uses_attempt: bool) -> Result<T> {
        match moved {
            Ok(reply) => {
                self.left = true;
                Ok(reply)
            }
            Err(
                error @ (Error::JobNotFound { .. }
                | Error::LockLost { .. }
                | Error::WrongState { .. }),
            ) => {
                let made = self.ambiguous && self.was_made(uses_attempt).await?;
                self.left = true;
                if made { Ok(T::default()) } else { Err(error) }
            }
            Err(error) => {
                self.ambiguous |= error.is_ambiguous();
                Err(error)
            }
        }
    }

    async fn was_made(&self, uses_attempt: bool) -> Result<bool> {
        if !uses_attempt {
            return Ok(true);
        }
        let Post { conn, keys, .. } = &*self.post;
        let made = call::attempts_made(conn, keys, self.id()).await?;
        // A hash that is gone was removed as the job finished.
        Ok(made.is_none_or(|made| made > i64::from(self.record().attempts_made)))
    }
}

impl Drop for HeldJob {
    fn drop(&mut self) {
        if !self.left {
            warn!(
                target: "bullrs::worker", queue = self.job.queue(), job_id = self.id(),
                "dropped a job that was not moved: it stays active until its lock expires"
            );
        }
    }
}
