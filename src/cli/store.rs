//! The job store as a worker uses it: opened before the first job, closed after the last.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::runtime::{Builder, Runtime};

use super::{Abort, Exit};
use crate::{
    CancelReason, clock,
    config::{StoreChoice, plain},
    processor::{RecapSource, StoreRecap},
    store::{Error, JobRecorder, JobRecorderOptions, Keyring, NewEvent, Store, content_job_id},
    wire::JobRecord,
};

/// How long the last outcomes may take to be written once the worker has ended. With the default
/// drain it stays below the 30 s after which orchestrators kill.
const LAST_WRITES: Duration = Duration::from_secs(4);

const ELSEWHERE: &str = "is it running there? DATABASE_URL or `--database-url` names another";

/// A store and the recorder that keeps it current, on a thread that handlers cannot block.
#[derive(Debug)]
pub(super) struct Storage {
    runtime: Runtime,
    store: Store,
    recorder: Arc<JobRecorder>,
}

impl Storage {
    /// Opens the store and brings its tables up to date; `None` when there is none.
    ///
    /// # Errors
    /// When a store that someone chose, or whose file is there, cannot be used.
    pub(super) fn open(
        choice: &StoreChoice,
        keyring: Option<Keyring>,
        options: JobRecorderOptions,
    ) -> Result<Option<Self>, Abort> {
        let (url, chosen) = match choice {
            StoreChoice::Off => return Ok(None),
            StoreChoice::Default(url) => (url, is_there(url)),
            StoreChoice::Configured(url) => (url, true),
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("bullrs-store")
            .enable_all()
            .build()
            .map_err(|error| Abort::new(Exit::Failed, "cannot start threads").because(&error))?;
        let opened = runtime.block_on(async {
            let store = Store::connect(url).await?;
            let applied = store.migrate().await?;
            if !applied.is_empty() {
                tracing::info!(
                    store = store.place(),
                    migrations = applied.join(","),
                    "migrated"
                );
            }
            Ok(store)
        });
        let store = match opened {
            Ok(store) => store,
            Err(Error::Unreachable { reason, .. }) if !chosen => {
                tracing::warn!(
                    reason = plain(&reason),
                    "no job store: bullrs.db cannot be made here; DATABASE_URL names another \
                     place, BULLRS_NO_STORE=true says that none is wanted"
                );
                return Ok(None);
            }
            Err(error @ Error::Unreachable { .. }) => {
                return Err(refused(&error).hint(format!(
                    "{ELSEWHERE}, BULLRS_NO_STORE=true runs without one"
                )));
            }
            Err(error) => return Err(refused(&error)),
        };
        let recorder = JobRecorder::start(store.clone(), keyring, options, runtime.handle())
            .map_err(|error| {
                Abort::new(Exit::Usage, "the job store cannot start").because(&error)
            })?;
        Ok(Some(Self {
            runtime,
            store,
            recorder: Arc::new(recorder),
        }))
    }

    /// Follows the worker's jobs.
    pub(super) fn recorder(&self) -> Arc<JobRecorder> {
        Arc::clone(&self.recorder)
    }

    /// What `content.recap` writes up.
    pub(super) fn recap(&self) -> Arc<dyn RecapSource> {
        Arc::new(StoreRecap::new(self.store.clone(), self.runtime.handle()))
    }

    /// The tables.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Writes what is still to be written; `false` when something was left.
    pub(super) fn close(self) -> bool {
        let left = self.runtime.block_on(async {
            let left = self.recorder.flush(LAST_WRITES).await;
            self.store.close().await;
            left
        });
        if left > 0 {
            tracing::error!(
                writes = left,
                store = self.store.place(),
                error = self.recorder.last_error(),
                "the job store does not answer; these writes are lost"
            );
        }
        self.runtime.shutdown_background();
        left == 0
    }
}

/// Whether the file of the default store exists: then rows are expected in it.
fn is_there(url: &str) -> bool {
    Path::new(url.trim_start_matches("sqlite:")).exists()
}

/// Why a store cannot be used, for `worker`, `migrate` and `payload rotate`.
pub(super) fn refused(error: &Error) -> Abort {
    match error {
        Error::Url(fault) => Abort::new(Exit::Usage, format!("`DATABASE_URL` {fault}")),
        Error::Unreachable { place, reason, .. } => Abort::new(
            Exit::Unreachable,
            format!("cannot reach the database at `{place}`"),
        )
        .cause(plain(reason))
        .hint(ELSEWHERE),
        Error::Schema(faults) => faults.iter().fold(
            Abort::new(Exit::Failed, "the tables of the database lack something"),
            Abort::cause,
        ),
        _ => Abort::new(Exit::Failed, error.to_string()),
    }
}

/// Notes in the job store that a job was cancelled which no worker ran. Without a store, or without
/// a row, there is nothing to do.
///
/// # Errors
/// When the store cannot be used.
pub(super) async fn note_cancelled(
    choice: &StoreChoice,
    field: &str,
    job: &JobRecord,
    queue: &str,
    reason: &str,
) -> Result<(), Error> {
    let url = match choice {
        StoreChoice::Configured(url) => url,
        StoreChoice::Default(url) if is_there(url) => url,
        StoreChoice::Default(_) | StoreChoice::Off => return Ok(()),
    };
    let reason = CancelReason::Requested(reason.to_owned()).to_string();
    let at = clock::now();
    let row = content_job_id(&job.data, field);
    let store = Store::connect(url).await?;
    if let Some(row) = &row {
        store.cancelled(row, &reason, at).await?;
    }
    let event = NewEvent {
        content_job_id: row,
        queue: queue.to_owned(),
        job_id: Some(job.id.clone()),
        stream_id: None,
        event: "failed".to_owned(),
        attempt: Some(job.attempts_made.saturating_add(1)),
        message: Some(reason),
        data: None,
        at,
    };
    store.append(&[event]).await?;
    store.close().await;
    Ok(())
}
