//! Follows a fine-tuning job to its end: its events become log rows, its steps progress.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{
    memory::Memory,
    remote::{Event, Metrics, Remote, RemoteJob},
};
use crate::{
    processor::openai::{
        error::{Halt, Meaning},
        input::or_cancelled,
        redact::Redactor,
        report,
    },
    worker::RawJob,
};

/// So many looks in a row may fail before the attempt does: training goes on without us.
const MOST_FAILED_LOOKS: u32 = 10;
/// Longest time between two looks while they fail.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// How far a fine-tuning job is; the job's progress.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Progress {
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_steps: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    train_loss: Option<f64>,
    fine_tune_job_id: String,
    /// The last event that is in the log; a later attempt goes on after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_event: Option<String>,
}

/// Looks at one fine-tuning job again and again.
pub(super) struct Follower<'a> {
    remote: &'a Remote<'a>,
    job: &'a RawJob,
    interval: Duration,
    now: Progress,
    /// What Redis has.
    told: Option<Progress>,
}

impl<'a> Follower<'a> {
    /// Goes on where an earlier attempt of the job stopped.
    pub(super) fn new(
        remote: &'a Remote<'a>,
        job: &'a RawJob,
        id: &str,
        interval: Duration,
    ) -> Self {
        let told = job
            .record()
            .progress
            .as_deref()
            .and_then(|json| serde_json::from_str::<Progress>(json).ok())
            .filter(|progress| progress.fine_tune_job_id == id);
        Self {
            remote,
            job,
            interval,
            now: told.clone().unwrap_or_else(|| Progress {
                fine_tune_job_id: id.to_owned(),
                ..Progress::default()
            }),
            told,
        }
    }

    /// Waits for the end; comes back early only when the job is to stop, or the API is away for
    /// long or says no.
    pub(super) async fn run(mut self, memory: &mut Memory) -> Result<RemoteJob, Halt> {
        let mut failed_looks = 0;
        loop {
            memory.catch_up(self.job).await?;
            let wait = match or_cancelled(self.job, self.look()).await {
                Ok((remote, events)) => {
                    failed_looks = 0;
                    self.tell(&remote, &events).await;
                    if remote.has_ended() {
                        return Ok(remote);
                    }
                    self.interval
                }
                Err(Halt::Api(error)) => {
                    let asked = match error.meaning() {
                        Meaning::RateLimited(asked) | Meaning::Passing(asked) => asked,
                        Meaning::ForGood => return Err(Halt::Api(error)),
                    };
                    failed_looks += 1;
                    if failed_looks > MOST_FAILED_LOOKS {
                        return Err(Halt::Api(error));
                    }
                    let longer = self.interval.saturating_mul(1 << failed_looks);
                    asked.unwrap_or(longer).min(LONGEST_WAIT)
                }
                Err(other) => return Err(other),
            };
            if let Ok(reason) = timeout(wait, self.job.cancelled()).await {
                return Err(Halt::Cancelled(reason));
            }
        }
    }

    /// The job before its events: what the last status came with is among them then.
    async fn look(&self) -> Result<(RemoteJob, Vec<Event>), Halt> {
        let id = &self.now.fine_tune_job_id;
        let remote = self.remote.job(id).await?;
        let last = self.now.last_event.as_deref();
        let events = self.remote.events_after(id, last).await?;
        Ok((remote, events))
    }

    /// Writes each event once, then the progress. What Redis does not take is written next time.
    async fn tell(&mut self, remote: &RemoteJob, events: &[Event]) {
        let redactor = self.remote.0.redactor();
        for event in events {
            if !report::log(self.job, Row { event, redactor }.to_string()).await {
                break;
            }
            self.now.last_event = Some(event.id.clone());
            if let Some(metrics) = &event.data {
                self.now.note(metrics);
            }
        }
        self.now.status.clone_from(&remote.status);
        self.now.percent = match remote.status.as_str() {
            "validating_files" | "queued" => Some(0),
            "succeeded" => Some(100),
            _ => self.now.percent,
        };
        if self.told.as_ref() != Some(&self.now) && report::progress(self.job, &self.now).await {
            self.told = Some(self.now.clone());
        }
    }
}

impl Progress {
    fn note(&mut self, metrics: &Metrics) {
        let Some(step) = metrics.step else {
            return;
        };
        self.step = Some(step);
        self.total_steps = metrics.total_steps.or(self.total_steps);
        self.train_loss = metrics.train_loss.or(self.train_loss);
        // The last step is not the end: the model is still to be saved and checked.
        self.percent = self
            .total_steps
            .and_then(|total| step.saturating_mul(100).checked_div(total))
            .map(|percent| percent.min(99))
            .or(self.percent);
    }
}

/// An event as a row of the job's log.
struct Row<'a> {
    event: &'a Event,
    redactor: &'a Redactor<'a>,
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = self.event;
        match Timestamp::from_second(event.created_at) {
            Ok(at) => write!(f, "{at} ")?,
            Err(_) => write!(f, "{} ", event.created_at)?,
        }
        if let Some(level) = event.level.as_deref().filter(|level| *level != "info") {
            write!(f, "{}: ", self.redactor.clean(level))?;
        }
        // Numbers of a step would look like content where the examples hold the same ones.
        let Some(metrics) = event.data.as_ref().filter(|data| data.step.is_some()) else {
            return f.write_str(&self.redactor.clean(&event.message));
        };
        write!(f, "step {}", metrics.step.unwrap_or_default())?;
        if let Some(total) = metrics.total_steps {
            write!(f, "/{total}")?;
        }
        if let Some(loss) = metrics.train_loss {
            write!(f, ", training loss {loss}")?;
        }
        if let Some(loss) = metrics.valid_loss {
            write!(f, ", validation loss {loss}")?;
        }
        Ok(())
    }
}
