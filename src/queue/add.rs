//! Adding a job: a builder that is a future.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Queue;
use crate::{
    Error, Result, clock,
    job::JobHandle,
    script::call::{self, NewJob},
};

/// Highest priority number, which is the least urgent (WIRE §1.3).
const LOWEST_PRIORITY: u32 = 2_097_151;

/// A job that is about to be added.
#[derive(Debug, Clone)]
#[must_use = "a job is added only when the builder is awaited"]
pub struct AddJob<'a> {
    queue: &'a Queue,
    name: String,
    data: std::result::Result<String, String>,
    id: Option<String>,
    delay: Duration,
    priority: u32,
    deduplication_id: Option<String>,
    opts: Map<String, Value>,
}

/// How long to wait between attempts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    kind: &'static str,
    delay: Duration,
    jitter: Option<f64>,
}

impl Backoff {
    /// The same delay each time.
    pub fn fixed(delay: Duration) -> Self {
        Self {
            kind: "fixed",
            delay,
            jitter: None,
        }
    }

    /// Twice as long each time, beginning with `delay`.
    pub fn exponential(delay: Duration) -> Self {
        Self {
            kind: "exponential",
            delay,
            jitter: None,
        }
    }

    /// Shortens each delay by up to this share, 0 to 1, at random.
    #[must_use]
    pub fn jitter(mut self, share: f64) -> Self {
        self.jitter = Some(share);
        self
    }
}

/// What to keep of finished jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    count: Option<u64>,
    age: Option<Duration>,
}

impl Keep {
    /// Keeps nothing: the job is removed when it finishes.
    pub fn none() -> Self {
        Self {
            count: Some(0),
            age: None,
        }
    }

    /// Keeps the newest so many.
    pub fn last(count: u64) -> Self {
        Self {
            count: Some(count),
            age: None,
        }
    }

    /// Keeps those that finished less than `age` ago (whole seconds).
    pub fn for_at_most(age: Duration) -> Self {
        Self {
            count: None,
            age: Some(age),
        }
    }

    fn to_json(self) -> Value {
        match (self.count, self.age) {
            (Some(0), None) => json!(true),
            (Some(count), None) => json!(count),
            (count, age) => {
                let mut keep = Map::new();
                if let Some(count) = count {
                    keep.insert("count".into(), json!(count));
                }
                if let Some(age) = age {
                    keep.insert("age".into(), json!(age.as_secs()));
                }
                Value::Object(keep)
            }
        }
    }
}

impl<'a> AddJob<'a> {
    pub(super) fn new(queue: &'a Queue, name: &str, data: &impl Serialize) -> Self {
        Self {
            queue,
            name: name.to_owned(),
            data: serde_json::to_string(data).map_err(|error| error.to_string()),
            id: None,
            delay: Duration::ZERO,
            priority: 0,
            deduplication_id: None,
            opts: Map::new(),
        }
    }

    /// Names the job; adding the same id again adds nothing. Not `0`, not a number, no `:`.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Runs the job no earlier than so long from now.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Makes up to so many attempts. One by default.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.opts.insert("attempts".into(), json!(attempts));
        self
    }

    /// Waits between attempts. At once by default.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        let mut stored = Map::new();
        stored.insert("type".into(), json!(backoff.kind));
        stored.insert("delay".into(), json!(millis(backoff.delay)));
        if let Some(jitter) = backoff.jitter {
            stored.insert("jitter".into(), json!(jitter));
        }
        self.opts.insert("backoff".into(), Value::Object(stored));
        self
    }

    /// Runs the job after those without a priority and before those with a higher number;
    /// 1 to 2097151.
    pub fn priority(mut self, priority: u32) -> Self {
        self.priority = priority;
        self
    }

    /// Puts the job at the front.
    pub fn lifo(mut self) -> Self {
        self.opts.insert("lifo".into(), json!(true));
        self
    }

    /// Longest time one attempt may take in a bullrs worker.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.opts.insert("timeout".into(), json!(millis(timeout)));
        self
    }

    /// Age from which on the job is no longer worth running in a bullrs worker.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.opts.insert("ttl".into(), json!(millis(ttl)));
        self
    }

    /// What to keep of completed jobs. Everything by default.
    pub fn keep_completed(mut self, keep: Keep) -> Self {
        self.opts.insert("removeOnComplete".into(), keep.to_json());
        self
    }

    /// What to keep of failed jobs. Everything by default.
    pub fn keep_failed(mut self, keep: Keep) -> Self {
        self.opts.insert("removeOnFail".into(), keep.to_json());
        self
    }

    /// Adds nothing while an unfinished job with the same deduplication id exists.
    pub fn deduplicate(mut self, id: impl Into<String>) -> Self {
        let id = id.into();
        self.opts.insert("de".into(), json!({"id": id}));
        self.deduplication_id = Some(id);
        self
    }

    async fn send(mut self) -> Result<JobHandle> {
        let keys = self.queue.keys()?;
        let mut faults = Vec::new();
        if let Some(fault) = self.id.as_deref().and_then(id_fault) {
            faults.push(fault);
        }
        if self.priority > LOWEST_PRIORITY {
            faults.push(format!(
                "`priority` must be at most {LOWEST_PRIORITY}, got {}",
                self.priority
            ));
        }
        let jitter = self
            .opts
            .get("backoff")
            .and_then(|b| b.get("jitter"))
            .and_then(Value::as_f64);
        if jitter.is_some_and(|jitter| !(0.0..=1.0).contains(&jitter)) {
            faults.push("`jitter` must be from 0 to 1".into());
        }
        let data = self.data.unwrap_or_else(|error| {
            faults.push(format!("`data` has no JSON form: {error}"));
            String::new()
        });
        if !faults.is_empty() {
            return Err(Error::Options(faults));
        }
        self.opts.entry("attempts").or_insert(json!(0));
        let delay = millis(self.delay);
        for (field, value) in [("delay", delay), ("priority", u64::from(self.priority))] {
            if value > 0 {
                self.opts.insert(field.into(), json!(value));
            }
        }
        if let Some(id) = &self.id {
            self.opts.insert("jobId".into(), json!(id));
        }
        let job = NewJob {
            id: self.id,
            name: self.name,
            data,
            opts: self.opts,
            timestamp: clock::now(),
            delay,
            priority: self.priority,
            deduplication_id: self.deduplication_id,
        };
        let id = call::add(self.queue.conn(), keys, &job).await?;
        Ok(self.queue.job(&id))
    }
}

impl<'a> IntoFuture for AddJob<'a> {
    type Output = Result<JobHandle>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The rules for ids that a producer chooses (WIRE §5.10).
fn id_fault(id: &str) -> Option<String> {
    if id == "0" || id.starts_with("0:") {
        return Some(format!(
            "`id` must not be `0` nor start with `0:`, got `{id}`"
        ));
    }
    if !id.is_empty()
        && id
            .parse::<i64>()
            .is_ok_and(|number| number.to_string() == id)
    {
        return Some(format!("`id` must not be a whole number, got `{id}`"));
    }
    if id.contains(':') && id.split(':').count() != 3 {
        return Some(format!("`id` must not contain `:`, got `{id}`"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_stock_refuses_are_refused() {
        for id in ["0", "0:7", "12", "-3", "a:b"] {
            assert!(id_fault(id).is_some(), "{id}");
        }
        for id in ["a", "12a", "repeat:x:123", "1.5", "007"] {
            assert!(id_fault(id).is_none(), "{id}");
        }
    }

    #[test]
    fn retention_is_written_as_stock_writes_it() {
        assert_eq!(Keep::none().to_json(), json!(true));
        assert_eq!(Keep::last(5).to_json(), json!(5));
        assert_eq!(
            Keep::for_at_most(Duration::from_mins(1)).to_json(),
            json!({"age": 60})
        );
    }
}
