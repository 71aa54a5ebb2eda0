//! Rows and what may be done to them. Times are unix milliseconds.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::worker::RawJob;

/// Where a row of `content_jobs` is in its life.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Made by the app, not yet enqueued.
    Pending,
    /// In the queue, or handed back to it.
    Queued,
    /// A worker runs it.
    Active,
    /// Waits for its time: put off, between two attempts, or for its children.
    Delayed,
    /// Done.
    Succeeded,
    /// Failed for good.
    Failed,
    /// Stopped on request.
    Cancelled,
    /// A status that only the app knows.
    Other(String),
}

impl Status {
    /// The status as the column has it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "pending",
            Self::Queued => "queued",
            Self::Active => "active",
            Self::Delayed => "delayed",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Other(text) => text,
        }
    }

    /// Whether the row stays so until someone retries it.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

impl From<&str> for Status {
    fn from(text: &str) -> Self {
        match text {
            "pending" => Self::Pending,
            "queued" => Self::Queued,
            "active" => Self::Active,
            "delayed" => Self::Delayed,
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            "cancelled" => Self::Cancelled,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A row that an app would make.
#[derive(Clone)]
pub struct NewJob {
    /// The app's id.
    pub id: String,
    /// The queue it will be enqueued on.
    pub queue: String,
    /// The job's name.
    pub name: String,
    /// The sealed payload, if it has one.
    pub payload: Option<String>,
    /// How many attempts it will have.
    pub max_attempts: u32,
    /// When it was made.
    pub at: i64,
}

impl fmt::Debug for NewJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewJob")
            .field("id", &self.id)
            .field("queue", &self.queue)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A row of `content_jobs`, without its payload.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct JobRow {
    /// The app's id.
    pub id: String,
    /// The queue's name.
    pub queue: Option<String>,
    /// The job's name.
    pub name: Option<String>,
    /// BullMQ's id.
    pub job_id: Option<String>,
    /// Where the row is in its life.
    pub status: Status,
    /// Whether there is a sealed payload.
    pub has_payload: bool,
    /// The return value of a job that succeeded.
    pub result: Option<Box<RawValue>>,
    /// Why the last attempt that ended failed.
    pub error: Option<String>,
    /// The latest progress.
    pub progress: Option<Box<RawValue>>,
    /// Attempts used up.
    pub attempts_made: i64,
    /// Starts so far, stalls and hand-backs included.
    pub attempts_started: i64,
    /// How many attempts the job has.
    pub max_attempts: i64,
    /// When the app made the row.
    pub created_at: Option<i64>,
    /// When it was enqueued, or handed back to the queue.
    pub queued_at: Option<i64>,
    /// When the latest run started; none while the job is back in the queue.
    pub started_at: Option<i64>,
    /// When it ended for good.
    pub finished_at: Option<i64>,
    /// When anything changed last.
    pub updated_at: Option<i64>,
}

/// An event to append to the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// The row it belongs to, where the job has one.
    pub content_job_id: Option<String>,
    /// The queue's name.
    pub queue: String,
    /// BullMQ's id; none for events of a queue as a whole.
    pub job_id: Option<String>,
    /// The entry of the queue's event stream; none for what the worker saw itself.
    pub stream_id: Option<String>,
    /// What happened, in BullMQ's words.
    pub event: String,
    /// Which attempt, from 1.
    pub attempt: Option<u32>,
    /// A sentence for people.
    pub message: Option<String>,
    /// JSON text for programs.
    pub data: Option<String>,
    /// When it happened.
    pub at: i64,
}

/// A row of `job_events`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EventRow {
    /// Grows with each event that is stored.
    pub id: i64,
    /// The row it belongs to.
    pub content_job_id: Option<String>,
    /// The queue's name.
    pub queue: String,
    /// BullMQ's id.
    pub job_id: Option<String>,
    /// The entry of the queue's event stream.
    pub stream_id: Option<String>,
    /// What happened, in BullMQ's words.
    pub event: String,
    /// Which attempt, from 1.
    pub attempt: Option<i64>,
    /// A sentence for people.
    pub message: Option<String>,
    /// JSON for programs.
    pub data: Option<Box<RawValue>>,
    /// When it happened.
    pub at: Option<i64>,
}

/// One start of a BullMQ job that has a row; the newest run owns the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The row's id.
    pub content_job_id: String,
    /// The queue's name.
    pub queue: String,
    /// The job's name.
    pub name: String,
    /// BullMQ's id.
    pub job_id: String,
    /// Attempts used up before this run (`atm`).
    pub attempts_made: u32,
    /// Starts so far, this one included (`ats`): orders the runs of one job.
    pub attempts_started: u32,
    /// How many attempts the job has.
    pub max_attempts: u32,
    /// When the job was added.
    pub queued_at: i64,
    /// When this run started (`processedOn`): orders runs of different jobs.
    pub started_at: i64,
}

impl Run {
    /// The run that a worker holds. `default_attempts` is for jobs whose producer set none.
    pub fn of(job: &RawJob, content_job_id: String, default_attempts: u32) -> Self {
        let record = job.record();
        let attempts = record.opts.attempts.filter(|attempts| *attempts >= 1.0);
        Self {
            content_job_id,
            queue: job.queue().to_owned(),
            name: job.name().to_owned(),
            job_id: job.id().to_owned(),
            attempts_made: record.attempts_made,
            attempts_started: record.attempts_started.max(1),
            max_attempts: attempts.map_or(default_attempts.max(1), whole),
            queued_at: record.timestamp,
            started_at: if record.processed_on > 0 {
                record.processed_on
            } else {
                record.timestamp
            },
        }
    }
}

/// Producers may ask for more attempts than an integer can count; that means "for ever".
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is at least 1, and `as` saturates"
)]
fn whole(attempts: f64) -> u32 {
    attempts as u32
}

/// How a run ended, or was put off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The run.
    pub run: Run,
    /// The row's status from now on.
    pub status: Status,
    /// Attempts used up, this one included where it counts.
    pub attempts_made: u32,
    /// The return value as JSON text, of a run that succeeded.
    pub result: Option<String>,
    /// Why the attempt failed; none keeps what is there, and success clears it.
    pub error: Option<String>,
    /// The last progress as JSON text; none keeps what is there.
    pub progress: Option<String>,
    /// When Redis accepted the outcome.
    pub at: i64,
}

/// A guarded change of a row. Each may be made again without harm.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A run starts.
    Start {
        /// The run.
        run: Run,
        /// The time of the change.
        at: i64,
    },
    /// A run made progress.
    Progress {
        /// The run.
        run: Run,
        /// JSON text.
        progress: String,
        /// The time of the change.
        at: i64,
    },
    /// A run ended.
    Settle(Settlement),
}

impl Change {
    /// The run that makes the change.
    pub fn run(&self) -> &Run {
        match self {
            Self::Start { run, .. } | Self::Progress { run, .. } => run,
            Self::Settle(settlement) => &settlement.run,
        }
    }
}

/// What a [`Change::Start`] found.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Started {
    /// The row is `active` and belongs to the run.
    Row {
        /// The sealed payload, if it has one.
        payload: Option<String>,
    },
    /// A newer run owns the row; nothing was written.
    Superseded {
        /// The sealed payload, if it has one.
        payload: Option<String>,
    },
    /// There is no such row.
    Missing,
}

impl fmt::Debug for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Row { .. } => "Row",
            Self::Superseded { .. } => "Superseded",
            Self::Missing => "Missing",
        })
    }
}

/// What was asked for when listing rows. The default is the newest fifty of all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only these statuses; none means every one.
    pub statuses: Vec<Status>,
    /// Only this queue.
    pub queue: Option<String>,
    /// Only this name.
    pub name: Option<String>,
    /// Only the row of this BullMQ job.
    pub job_id: Option<String>,
    /// The cursor of the page before.
    pub after: Option<String>,
    /// How many rows; at most 500, and 50 when 0.
    pub limit: u32,
}

/// Rows, newest first.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Page {
    /// The rows.
    pub jobs: Vec<JobRow>,
    /// Where the next page begins; none when this is the last.
    pub next: Option<String>,
}

/// Whose timeline to read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Timeline {
    /// Of a row of `content_jobs`, over all the jobs it was enqueued as.
    Row(String),
    /// Of a BullMQ job.
    Job {
        /// The queue's name.
        queue: String,
        /// BullMQ's id.
        job_id: String,
    },
}

impl Timeline {
    /// The timeline of a row.
    pub fn row(content_job_id: impl Into<String>) -> Self {
        Self::Row(content_job_id.into())
    }

    /// The timeline of a BullMQ job.
    pub fn job(queue: impl Into<String>, job_id: impl Into<String>) -> Self {
        Self::Job {
            queue: queue.into(),
            job_id: job_id.into(),
        }
    }
}
