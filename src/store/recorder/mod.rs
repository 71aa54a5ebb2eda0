//! Follows a worker's jobs and keeps their rows and timelines current.

mod events;
mod inbox;
mod link;
mod writer;

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{runtime::Handle, sync::oneshot};
use tokio_util::sync::CancellationToken;

use super::{Change, Keyring, Run, SealError, Settlement, Started, Status, Store, seal};
use crate::{
    BoxError, Error, Failure, clock,
    worker::{CancelReason, Observer, Payload, RawJob, Settled, SettledState},
};
use inbox::{Inbox, Write};
pub(crate) use link::content_job_id;

/// Gives unix milliseconds.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How a [`JobRecorder`] works.
#[derive(Clone)]
#[non_exhaustive]
pub struct JobRecorderOptions {
    /// The field of a job's data that holds the id of its row: a text, or a whole number. A job
    /// without it has no row. Defaults to `contentJobId`.
    pub content_job_field: String,
    /// Whether to append what happens to `job_events`. Defaults to `true`; turn it off where a
    /// reader of the queue's event stream does so.
    pub events: bool,
    /// Attempts of jobs whose producer set none, as the worker counts them. Defaults to 1.
    pub default_attempts: u32,
    /// How many writes may wait for the database before no further job starts. Defaults to 10,000.
    pub most_waiting: usize,
    /// How many bytes of results and messages may wait before no further job starts. Defaults to
    /// 64 MiB.
    pub most_waiting_bytes: usize,
    /// The shortest time between two writes of one job's progress; what comes between is replaced
    /// by what comes later. Defaults to 500 ms.
    pub progress_every: Duration,
    /// The time, for everything but outcomes, which bring their own. Defaults to the system's.
    pub clock: Clock,
}

impl Default for JobRecorderOptions {
    fn default() -> Self {
        Self {
            content_job_field: "contentJobId".into(),
            events: true,
            default_attempts: 1,
            most_waiting: 10_000,
            most_waiting_bytes: 64 << 20,
            progress_every: Duration::from_millis(500),
            clock: Arc::new(clock::now),
        }
    }
}

impl fmt::Debug for JobRecorderOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobRecorderOptions")
            .field("content_job_field", &self.content_job_field)
            .field("events", &self.events)
            .field("default_attempts", &self.default_attempts)
            .field("most_waiting", &self.most_waiting)
            .field("most_waiting_bytes", &self.most_waiting_bytes)
            .field("progress_every", &self.progress_every)
            .finish_non_exhaustive()
    }
}

/// The [`Observer`] that writes to a [`Store`].
///
/// One task writes, in order, many changes at a time. While the database is away, jobs that run go
/// on and what they report is kept; a job that has a row does not start, because it could not have
/// its payload, and no job starts once too much waits. Progress may be skipped, an outcome is
/// written as soon as the database is back, as long as the process lives: call
/// [`flush`](Self::flush) before it ends.
///
/// Dropping the recorder lets the writer finish what it can write; it gives up at the first
/// failure.
pub struct JobRecorder {
    store: Store,
    keyring: Option<Keyring>,
    options: JobRecorderOptions,
    inbox: Arc<Inbox>,
}

impl JobRecorder {
    /// Starts the writer on `runtime`, which must not be blocked by handlers. Without a keyring, a
    /// job whose row has a payload fails.
    ///
    /// # Errors
    /// [`Error::Invalid`] when an option breaks a rule.
    pub fn start(
        store: Store,
        keyring: Option<Keyring>,
        options: JobRecorderOptions,
        runtime: &Handle,
    ) -> crate::Result<Self> {
        let rule = |field, rule: &str| Error::Invalid {
            field,
            rule: rule.into(),
        };
        if options.content_job_field.is_empty() {
            return Err(rule("content_job_field", "must not be empty"));
        }
        if options.most_waiting == 0 {
            return Err(rule("most_waiting", "must be at least 1"));
        }
        if options.most_waiting_bytes == 0 {
            return Err(rule("most_waiting_bytes", "must be at least 1"));
        }
        let inbox = Arc::new(Inbox::new(&options));
        runtime.spawn(writer::write_all(store.clone(), Arc::clone(&inbox)));
        Ok(Self {
            store,
            keyring,
            options,
            inbox,
        })
    }

    /// The store that is written to.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Whether the database answered last time, and there is room for further jobs.
    pub fn is_healthy(&self) -> bool {
        self.inbox.is_healthy()
    }

    /// What the database or the connection said when it failed last, if it has not answered since.
    pub fn last_error(&self) -> Option<String> {
        self.inbox.last_error()
    }

    /// How many writes wait for the database.
    pub fn waiting(&self) -> usize {
        self.inbox.waiting()
    }

    /// How many writes the database refused for their values, and so were given up.
    pub fn refused(&self) -> u64 {
        self.inbox.refused()
    }

    /// Waits until everything that was reported so far is written, at most this long, and returns
    /// how many writes are left. Cancel safe.
    pub async fn flush(&self, within: Duration) -> usize {
        self.inbox.flush(within).await
    }

    async fn begin(&self, job: &RawJob) -> Result<Option<Payload>, BoxError> {
        let at = (self.options.clock)();
        self.inbox.forget_progress(job);
        let row = content_job_id(job.data(), &self.options.content_job_field);
        let event = self
            .options
            .events
            .then(|| events::event(job, row.clone(), "active", at));
        let stop = job.cancellation();
        let stopped = || job.cancel_reason().unwrap_or(CancelReason::Shutdown);
        let Some(id) = row else {
            if let Some(event) = event {
                unless(stop, self.inbox.room()).await.ok_or_else(stopped)?;
                self.inbox.put(Write::event(event));
            }
            return Ok(None);
        };
        unless(stop, self.inbox.room()).await.ok_or_else(stopped)?;
        let (reply, found) = oneshot::channel();
        let run = Run::of(job, id.clone(), self.options.default_attempts);
        self.inbox.put(Write {
            change: Some(Change::Start { run, at }),
            event,
            reply: Some(reply),
        });
        // Leaving here drops `found`, which withdraws the write if it was not made yet.
        let found = unless(stop, found).await.ok_or_else(stopped)?;
        let started = found.map_err(|_ended| "the job recorder has ended")??;
        let payload = match started {
            Started::Row { payload } => payload,
            Started::Superseded { payload } => {
                tracing::warn!(
                    content_job = id,
                    queue = job.queue(),
                    job = job.id(),
                    "a newer run owns the row, this one's outcome will not be written there"
                );
                payload
            }
            Started::Missing => return Err(RowFault::Missing { id }.into()),
        };
        payload
            .map(|envelope| self.open(&id, &envelope))
            .transpose()
    }

    fn open(&self, id: &str, envelope: &str) -> Result<Payload, BoxError> {
        let id = id.to_owned();
        let key = seal::key_id(envelope).map(str::to_owned);
        let Some(keyring) = &self.keyring else {
            return Err(RowFault::NoKeys { id, key }.into());
        };
        match keyring.decrypt(&id, envelope) {
            Ok(payload) => Ok(payload),
            Err(SealError::UnknownKey(key)) => Err(RowFault::UnknownKey { id, key }.into()),
            // Nothing that a later attempt could find otherwise.
            Err(_) => Err(Failure::unrecoverable(RowFault::Undecryptable { id, key }).into()),
        }
    }

    fn end(&self, settled: Settled) {
        let Settled {
            job,
            state,
            attempts_made,
            at,
        } = settled;
        let row = content_job_id(job.data(), &self.options.content_job_field);
        let last = self.inbox.take_progress(&job);
        let events = self.options.events;
        if let (true, Some(progress)) = (events, &last) {
            let event = events::event(&job, row.clone(), "progress", progress.at);
            let event = events::progress(event, &progress.json, progress.at);
            self.inbox.put(Write::event(event));
        }
        let event = events.then(|| events::settled(&job, row.clone(), &state, at));
        let change = row.map(|id| {
            let (status, result, error) = outcome(&job, state);
            Change::Settle(Settlement {
                run: Run::of(&job, id, self.options.default_attempts),
                status,
                attempts_made,
                result,
                error,
                progress: last.map(|progress| progress.json),
                at,
            })
        });
        if change.is_some() || event.is_some() {
            self.inbox.put(Write {
                change,
                event,
                reply: None,
            });
        }
    }
}

impl Observer for JobRecorder {
    fn starting<'a>(&'a self, job: &'a RawJob) -> BoxFuture<'a, Result<Option<Payload>, BoxError>> {
        Box::pin(self.begin(job))
    }

    fn progressed(&self, job: &RawJob, progress: &str) {
        let at = (self.options.clock)();
        self.inbox.put_progress(job, progress, at, || {
            let row = content_job_id(job.data(), &self.options.content_job_field);
            let event = events::event(job, row.clone(), "progress", at);
            let run = row.map(|id| Run::of(job, id, self.options.default_attempts));
            (run, event)
        });
    }

    fn settled(&self, settled: Settled) {
        self.end(settled);
    }
}

impl fmt::Debug for JobRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobRecorder")
            .field("store", &self.store)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Drop for JobRecorder {
    fn drop(&mut self) {
        self.inbox.close();
    }
}

/// What the row shows of an outcome: status, result and error.
fn outcome(job: &RawJob, state: SettledState) -> (Status, Option<String>, Option<String>) {
    match state {
        SettledState::Completed(result) => (Status::Succeeded, Some(result), None),
        SettledState::Failed(reason) => {
            let cancelled = matches!(job.cancel_reason(), Some(CancelReason::Requested(_)));
            let status = if cancelled {
                Status::Cancelled
            } else {
                Status::Failed
            };
            (status, None, Some(reason))
        }
        SettledState::Retried { reason, delay: 0 } => (Status::Queued, None, Some(reason)),
        SettledState::Retried { reason, .. } => (Status::Delayed, None, Some(reason)),
        SettledState::Delayed(_) | SettledState::WaitingChildren => (Status::Delayed, None, None),
        SettledState::Released => (Status::Queued, None, None),
    }
}

async fn unless<T>(stop: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = stop.cancelled() => None,
    }
}

/// Why a job cannot have its row or its payload. Never has content in it.
#[derive(Debug, thiserror::Error)]
enum RowFault {
    #[error("content_jobs has no row `{id}`, which the job's data names")]
    Missing { id: String },
    #[error(
        "the payload of content_jobs row `{id}` is sealed under {}, but BULLRS_PAYLOAD_KEYS is \
         not set", named(key.as_deref())
    )]
    NoKeys { id: String, key: Option<String> },
    #[error(
        "the payload of content_jobs row `{id}` is sealed under key `{key}`, which is not in \
         BULLRS_PAYLOAD_KEYS"
    )]
    UnknownKey { id: String, key: String },
    #[error(
        "the payload of content_jobs row `{id}`, sealed under {}, could not be decrypted",
        named(key.as_deref())
    )]
    Undecryptable { id: String, key: Option<String> },
}

fn named(key: Option<&str>) -> String {
    key.map_or_else(
        || "no key that can be read".into(),
        |key| format!("key `{key}`"),
    )
}
