//! Job schedulers: what makes a job again and again, by a cron pattern or an interval.
//!
//! A scheduler always has one job that is next, the armed one. When a worker, of whatever language,
//! starts that job, it arms the one after it. Here schedulers are made, changed, read and removed;
//! they need a worker on their queue to go on, and nothing else.
//!
//! ```no_run
//! # use bullrs::Client;
//! # async fn example(client: Client) -> bullrs::Result<()> {
//! let queue = client.queue("content");
//! queue
//!     .scheduler("daily-recap")
//!     .cron("0 7 * * *")
//!     .time_zone("Europe/Paris")
//!     .job("recap", serde_json::json!({"window": "24h"}))
//!     .attempts(3)
//!     .await?;
//! # Ok(())
//! # }
//! ```

mod info;
mod list;
mod plan;
mod template;
mod upsert;

pub use info::SchedulerInfo;
pub use list::Schedulers;
pub(crate) use plan::{Planned, has_legacy_shape, plan};
pub use upsert::{Armed, UpsertScheduler};

use std::time::Duration;

use crate::{Queue, Result, script::call, wire::RepeatOpts};

/// A handle on a job scheduler that may or may not exist.
#[derive(Debug, Clone)]
pub struct Scheduler {
    queue: Queue,
    id: String,
}

impl Queue {
    /// A handle on the scheduler with this id, to make, change, read or remove it.
    pub fn scheduler(&self, id: &str) -> Scheduler {
        Scheduler {
            queue: self.clone(),
            id: id.to_owned(),
        }
    }

    /// Reads the queue's schedulers when awaited, those due soonest first.
    pub fn schedulers(&self) -> Schedulers<'_> {
        Schedulers::new(self)
    }

    /// How many schedulers the queue has.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn scheduler_count(&self) -> Result<u64> {
        call::scheduler_count(self.conn(), self.keys()?).await
    }
}

impl Scheduler {
    /// The scheduler's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Makes the scheduler, or changes it, to run at the times of a cron pattern: five fields, or
    /// six with seconds first. The pattern is that of npm `cron-parser`; `H` is drawn from the
    /// scheduler's id.
    pub fn cron(&self, pattern: impl Into<String>) -> UpsertScheduler<'_> {
        UpsertScheduler::new(self, |repeat| repeat.pattern = Some(pattern.into()))
    }

    /// Makes the scheduler, or changes it, to run each time so long (whole ms) has passed. A new
    /// one runs at once, unless it has an offset or a start date.
    pub fn every(&self, interval: Duration) -> UpsertScheduler<'_> {
        let every = millis(interval);
        UpsertScheduler::new(self, |repeat| repeat.every = Some(every))
    }

    /// Makes the scheduler, or changes it, with the options that a Node app would give: either
    /// `pattern` or `every`, and what goes with it.
    pub fn repeat(&self, options: RepeatOpts) -> UpsertScheduler<'_> {
        UpsertScheduler::new(self, |repeat| *repeat = options)
    }

    /// Unregisters the scheduler and deletes its next job, if that is not due yet. Says whether
    /// there was one. Jobs that are ready to run or running stay.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn remove(&self) -> Result<bool> {
        call::remove_job_scheduler(self.queue.conn(), self.queue.keys()?, &self.id).await
    }

    /// Reads the scheduler; `None` when there is none with this id.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn info(&self) -> Result<Option<SchedulerInfo>> {
        let (conn, keys) = (self.queue.conn(), self.queue.keys()?);
        let found = call::job_scheduler(conn, keys, &self.id).await?;
        Ok(found.and_then(|(fields, next)| SchedulerInfo::read(&self.id, fields, next)))
    }

    /// The next `count` times at which the scheduler will run, in ms since 1970, as workers that
    /// are never late will plan them. Fewer when it ends; none when it has ended, or is not there.
    ///
    /// # Errors
    /// When Redis cannot be reached, or the options of the next job cannot be read.
    pub async fn upcoming(&self, count: usize) -> Result<Vec<i64>> {
        info::upcoming(&self.queue, &self.id, count).await
    }
}

/// Milliseconds as JavaScript has them.
#[expect(clippy::cast_precision_loss, reason = "2^53 ms are 285,000 years")]
fn millis(duration: Duration) -> f64 {
    duration.as_millis() as f64
}
