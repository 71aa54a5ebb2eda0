//! The job store: `content_jobs`, `job_events` and sealed payloads, in Postgres or SQLite.
//!
//! A [`Store`] reads and writes the tables; every change of a row is guarded in SQL, so that
//! writers may come in any order and repeat themselves. A [`Keyring`] opens what the app sealed. A
//! [`JobRecorder`] follows a worker's jobs and keeps their rows current, also while the database is
//! away for some time.
//!
//! Times are unix milliseconds throughout: `timestamptz` (or an app's `timestamp`, read as UTC) in
//! Postgres, integers as `Date.now()` gives them in SQLite. An app may write its rows with its own
//! SQL; `migrations/` has the tables.

mod apply;
mod columns;
mod database;
mod error;
mod json;
mod lane;
mod link;
mod location;
mod migrate;
mod model;
mod read;
mod recap;
mod recorder;
mod rotate;
mod seal;
mod sql;

pub use apply::Applied;
pub use database::Store;
pub use error::{Error, Result};
pub use model::{
    Change, EventRow, JobFilter, JobRow, NewEvent, NewJob, Page, Run, Settlement, Started, Status,
    Timeline,
};
pub use recap::{Recap, RecapCounts, RecapFailed, RecapQuery};
pub(crate) use recorder::content_job_id;
pub use recorder::{Clock, JobRecorder, JobRecorderOptions};
pub use rotate::Rotated;
pub use seal::{Keyring, SealError, key_id, keygen};
