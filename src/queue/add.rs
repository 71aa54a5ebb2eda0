//! Adding one job: a builder that is a future.

use std::{
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
};

use serde::Serialize;

use super::Queue;
use crate::{
    Error, Result, clock,
    job::{JobHandle, JobOptions, job_option_setters},
    script::call::{self, Insertion, Place},
    wire::QueueKeys,
};

/// A job that is about to be added.
#[derive(Debug, Clone)]
#[must_use = "a job is added only when the builder is awaited"]
pub struct AddJob {
    queue: Queue,
    job: NewJob,
}

impl AddJob {
    pub(super) fn new(queue: Queue, name: &str, data: &impl Serialize) -> Self {
        Self {
            queue,
            job: NewJob::new(name, data),
        }
    }

    job_option_setters!();

    fn options_mut(&mut self) -> &mut JobOptions {
        &mut self.job.options
    }

    async fn send(self) -> Result<JobHandle> {
        let keys = self.queue.keys()?;
        let insertion = self
            .job
            .prepare(keys, self.queue.default_options(), clock::now())
            .map_err(Error::Options)?;
        let id = call::add(self.queue.conn(), &insertion).await?;
        Ok(self.queue.job(&id))
    }
}

impl IntoFuture for AddJob {
    type Output = Result<JobHandle>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// A job for [`Queue::add_all`]: a name, data and options.
#[derive(Clone)]
#[must_use = "a job is added only by `Queue::add_all`"]
pub struct NewJob {
    name: String,
    /// JSON text, or why the data has none.
    data: std::result::Result<String, String>,
    options: JobOptions,
}

impl NewJob {
    /// A job with this name and data, without options.
    pub fn new(name: impl Into<String>, data: impl Serialize) -> Self {
        Self {
            name: name.into(),
            data: serde_json::to_string(&data).map_err(|error| error.to_string()),
            options: JobOptions::default(),
        }
    }

    job_option_setters!();

    pub(crate) fn options_mut(&mut self) -> &mut JobOptions {
        &mut self.options
    }

    pub(crate) fn custom_id(&self) -> Option<&str> {
        self.options.custom_id()
    }

    /// The job's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What an adding script gets, or all that is wrong. `now` is unix ms.
    pub(crate) fn prepare(
        self,
        keys: &QueueKeys,
        defaults: &JobOptions,
        now: i64,
    ) -> std::result::Result<Insertion, Vec<String>> {
        let options = self.options.over(defaults);
        let size = self.data.as_ref().map_or(0, String::len);
        let mut faults = options.check(&self.name, size);
        let data = self.data.unwrap_or_else(|fault| {
            faults.push(format!("`data` has no JSON form: {fault}"));
            String::new()
        });
        if !faults.is_empty() {
            return Err(faults);
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a clock of ms stays far below 2^53"
        )]
        let timestamp = options.added_at().unwrap_or(now as f64);
        Ok(Insertion {
            keys: keys.clone(),
            place: if options.is_delayed() {
                Place::Delayed
            } else if options.is_prioritized() {
                Place::Prioritized
            } else {
                Place::Standard
            },
            id: options.custom_id().map(str::to_owned),
            name: self.name,
            data,
            opts: options.pack(),
            timestamp,
            parent: options
                .parent_link()
                .map(|parent| (parent.key, parent.link)),
            repeat_job_key: options.repeat_job_key(),
            window: options.window(keys),
            in_flow: false,
        })
    }
}

/// Without the data, which is nobody's business.
impl fmt::Debug for NewJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewJob")
            .field("name", &self.name)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
