//! What single options are made of: waits between attempts, retention, deduplication, a parent.

use std::time::Duration;

use super::millis;
use crate::{
    job::JobHandle,
    queue::Queue,
    wire::{Json, KeepJobs},
};

/// How long to wait between attempts (WIRE §2.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Backoff {
    kind: String,
    delay: Option<Duration>,
    jitter: Option<f64>,
}

impl Backoff {
    /// The same delay each time, which is also what a plain number means in a Node app.
    pub fn fixed(delay: Duration) -> Self {
        Self::new("fixed", Some(delay))
    }

    /// Twice as long each time, beginning with `delay`.
    pub fn exponential(delay: Duration) -> Self {
        Self::new("exponential", Some(delay))
    }

    /// A strategy that the worker knows by this name.
    pub fn custom(name: impl Into<String>) -> Self {
        Self::new(name, None)
    }

    fn new(kind: impl Into<String>, delay: Option<Duration>) -> Self {
        Self {
            kind: kind.into(),
            delay,
            jitter: None,
        }
    }

    /// The delay that a [custom](Self::custom) strategy is given.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Shortens each delay by up to this share, 0 to 1, at random.
    #[must_use]
    pub fn jitter(mut self, share: f64) -> Self {
        self.jitter = Some(share);
        self
    }

    /// The stored form; a jitter that is no number is a fault, as JSON cannot hold it.
    pub(super) fn to_json(&self) -> Result<Json, String> {
        let mut stored = Json::object([("type", self.kind.as_str().into())]);
        if let Some(delay) = self.delay {
            stored.set("delay", millis(delay).into());
        }
        if let Some(jitter) = self.jitter {
            if !jitter.is_finite() {
                return Err(format!("`jitter` must be from 0 to 1, got {jitter}"));
            }
            stored.set("jitter", jitter.into());
        }
        Ok(stored)
    }
}

/// A fixed delay.
impl From<Duration> for Backoff {
    fn from(delay: Duration) -> Self {
        Self::fixed(delay)
    }
}

/// What to keep of finished jobs (WIRE §4.4). The rule of the job that finishes decides for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    count: Option<u64>,
    age: Option<Duration>,
    limit: Option<u64>,
}

impl Keep {
    /// Keeps everything.
    pub fn all() -> Self {
        Self::default()
    }

    /// Keeps nothing: the job is removed when it finishes.
    pub fn none() -> Self {
        Self::last(0)
    }

    /// Keeps the newest so many.
    pub fn last(count: u64) -> Self {
        Self::default().count(count)
    }

    /// Keeps those that finished less than `age` ago.
    pub fn for_at_most(age: Duration) -> Self {
        Self::default().age(age)
    }

    /// And of these only the newest so many.
    #[must_use]
    pub fn count(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// And of these only those that finished less than `age` ago.
    #[must_use]
    pub fn age(mut self, age: Duration) -> Self {
        self.age = Some(age);
        self
    }

    /// Removes at most so many for their age when a job finishes; 1000 by default.
    #[must_use]
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    pub(super) fn to_json(self) -> Json {
        match (self.count, self.age, self.limit) {
            (None, None, None) => false.into(),
            (Some(0), None, None) => true.into(),
            (Some(count), None, None) => count.into(),
            (count, age, limit) => {
                let fields = [
                    ("age", age.map(seconds)),
                    ("count", count.map(Json::from)),
                    ("limit", limit.map(Json::from)),
                ];
                let given = fields
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value?)));
                Json::Object(
                    given
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                )
            }
        }
    }
}

impl From<Keep> for KeepJobs {
    fn from(keep: Keep) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "the scripts count in doubles, as JavaScript does"
        )]
        let number = |number: u64| number as f64;
        match keep {
            Keep {
                count: None,
                age: None,
                ..
            } => Self::ALL,
            Keep { count, age, limit } => Self {
                count: count.map(number),
                age: age.map(|age| age.as_secs_f64()),
                limit: limit.map(number),
            },
        }
    }
}

/// Retention ages are in seconds.
fn seconds(age: Duration) -> Json {
    if age.subsec_nanos() == 0 {
        age.as_secs().into()
    } else {
        age.as_secs_f64().into()
    }
}

/// Which jobs stand for one another (WIRE §4.3): of jobs with the same id one is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deduplication {
    id: String,
    ttl: Option<Duration>,
    flags: Vec<&'static str>,
}

impl Deduplication {
    /// Adds nothing while an unfinished job with the same deduplication id exists.
    pub fn simple(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            ttl: None,
            flags: Vec::new(),
        }
    }

    /// Adds nothing for `ttl` after a job with the same deduplication id was added.
    pub fn throttle(id: impl Into<String>, ttl: Duration) -> Self {
        Self::simple(id).ttl(ttl)
    }

    /// Takes the place of the last job with the same deduplication id, as long as that is delayed
    /// and was added less than `ttl` ago. Give the job a delay too, usually `ttl`.
    pub fn debounce(id: impl Into<String>, ttl: Duration) -> Self {
        Self::throttle(id, ttl).extend().replace()
    }

    /// How long a job keeps others out, whether or not it has finished.
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Every job that is kept out starts the `ttl` anew.
    #[must_use]
    pub fn extend(self) -> Self {
        self.flag("extend")
    }

    /// The new job takes the place of one that is still delayed.
    #[must_use]
    pub fn replace(self) -> Self {
        self.flag("replace")
    }

    /// While the job runs, the last of those kept out is kept and added when it has finished.
    #[must_use]
    pub fn keep_last_if_active(self) -> Self {
        self.flag("keepLastIfActive")
    }

    /// A job that is kept out delays the one that stands for it anew, when that is still delayed.
    /// For the scripts of BullMQ 6.3 and later, and of bullrs.
    #[must_use]
    pub fn reschedule(self) -> Self {
        self.flag("reschedule")
    }

    fn flag(mut self, name: &'static str) -> Self {
        if !self.flags.contains(&name) {
            self.flags.push(name);
        }
        self
    }

    pub(super) fn to_json(&self) -> Json {
        let mut stored = Json::object([("id", self.id.as_str().into())]);
        if let Some(ttl) = self.ttl {
            stored.set("ttl", millis(ttl).into());
        }
        for flag in &self.flags {
            stored.set(flag, true.into());
        }
        stored
    }
}

impl From<&str> for Deduplication {
    fn from(id: &str) -> Self {
        Self::simple(id)
    }
}

impl From<String> for Deduplication {
    fn from(id: String) -> Self {
        Self::simple(id)
    }
}

/// The existing job that a new one becomes a child of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    queue: std::result::Result<String, String>,
    id: String,
}

impl From<&JobHandle> for Parent {
    fn from(job: &JobHandle) -> Self {
        Self::new(job.queue(), job.id())
    }
}

impl Parent {
    /// The job with this id in a queue.
    pub fn new(queue: &Queue, id: impl Into<String>) -> Self {
        Self {
            queue: queue
                .keys()
                .map(|keys| keys.qualified().to_owned())
                .map_err(|error| error.to_string()),
            id: id.into(),
        }
    }

    /// The job with this id in a queue named as in `opts.parent.queue`: with its prefix, as
    /// `bull:images`.
    pub fn in_queue(qualified: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            queue: Ok(qualified.into()),
            id: id.into(),
        }
    }

    pub(super) fn to_json(&self) -> Result<Json, String> {
        let queue = self
            .queue
            .clone()
            .map_err(|fault| format!("`parent`: {fault}"))?;
        Ok(Json::object([
            ("id", self.id.as_str().into()),
            ("queue", queue.into()),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &Json) -> String {
        serde_json::to_string(json).unwrap()
    }

    #[test]
    fn retention_is_written_as_stock_writes_it() {
        let minute = Duration::from_mins(1);
        for (keep, stored) in [
            (Keep::all(), "false"),
            (Keep::none(), "true"),
            (Keep::last(5), "5"),
            (Keep::for_at_most(minute), r#"{"age":60}"#),
            (
                Keep::for_at_most(Duration::from_millis(1500))
                    .count(3)
                    .limit(7),
                r#"{"age":1.5,"count":3,"limit":7}"#,
            ),
            (Keep::none().limit(7), r#"{"count":0,"limit":7}"#),
        ] {
            assert_eq!(text(&keep.to_json()), stored);
        }
    }

    #[test]
    fn a_backoff_says_only_what_it_was_given() {
        let second = Duration::from_secs(1);
        for (backoff, stored) in [
            (Backoff::fixed(second), r#"{"type":"fixed","delay":1000}"#),
            (Backoff::custom("mine"), r#"{"type":"mine"}"#),
            (
                Backoff::custom("mine").delay(second).jitter(0.25),
                r#"{"type":"mine","delay":1000,"jitter":0.25}"#,
            ),
        ] {
            assert_eq!(text(&backoff.to_json().unwrap()), stored);
        }
        let fault = Backoff::fixed(second)
            .jitter(f64::NAN)
            .to_json()
            .unwrap_err();
        assert_eq!(fault, "`jitter` must be from 0 to 1, got NaN");
    }

    #[test]
    fn a_debounce_extends_and_replaces() {
        let debounce = Deduplication::debounce("a", Duration::from_secs(5)).extend();
        assert_eq!(
            text(&debounce.to_json()),
            r#"{"id":"a","ttl":5000,"extend":true,"replace":true}"#
        );
    }
}
