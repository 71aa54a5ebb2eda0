//! A queue's settings, read leniently (WIRE §1.4).

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Error, Result,
    wire::{Limiter, int_text},
};

const KNOWN: [&str; 6] = [
    "concurrency",
    "duration",
    "max",
    "opts.maxLenEvents",
    "paused",
    "version",
];

/// A queue's settings, as its hash `meta` has them.
///
/// A setting that cannot be read is an error of the method that asks for it, not a default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMeta {
    queue: String,
    fields: BTreeMap<String, String>,
}

impl QueueMeta {
    pub(super) fn new(queue: &str, fields: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            queue: queue.to_owned(),
            fields: fields.into_iter().collect(),
        }
    }

    /// Whether the queue is paused: the field counts, not its value.
    pub fn is_paused(&self) -> bool {
        self.fields.contains_key("paused")
    }

    /// Which client made the queue, such as `bullmq:6.7.0`.
    pub fn version(&self) -> Option<&str> {
        self.field("version")
    }

    /// How many jobs all workers together may run at once; none is any number.
    ///
    /// # Errors
    /// When it is no number.
    pub fn concurrency(&self) -> Result<Option<u64>> {
        self.number("concurrency")
    }

    /// About how many entries the event stream keeps.
    ///
    /// # Errors
    /// When it is no number.
    pub fn max_events(&self) -> Result<Option<u64>> {
        self.number("opts.maxLenEvents")
    }

    /// How many jobs may start in each window, whether the window is set or not.
    ///
    /// # Errors
    /// When it is no number.
    pub fn max(&self) -> Result<Option<u64>> {
        self.number("max")
    }

    /// How long a window of the rate limit is, whether its `max` is set or not.
    ///
    /// # Errors
    /// When it is no number.
    pub fn duration(&self) -> Result<Option<Duration>> {
        Ok(self.number("duration")?.map(Duration::from_millis))
    }

    /// The global rate limit; none unless both of its parts are set and above 0, as stock has it.
    ///
    /// # Errors
    /// When a part is no number, or `max` does not fit.
    pub fn rate_limit(&self) -> Result<Option<Limiter>> {
        let (Some(max), Some(duration)) = (self.max()?, self.duration()?) else {
            return Ok(None);
        };
        let max = u32::try_from(max).map_err(|_| self.fault("max", "is out of range"))?;
        Ok((max > 0 && !duration.is_zero()).then_some(Limiter { max, duration }))
    }

    /// A field as it stands.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// Fields that no method above reads.
    pub fn others(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        fields.filter(|(name, _)| !KNOWN.contains(name))
    }

    fn number(&self, name: &str) -> Result<Option<u64>> {
        let Some(text) = self.field(name) else {
            return Ok(None);
        };
        let number = int_text(text).ok_or_else(|| self.fault(name, "is not a number"))?;
        let number = u64::try_from(number).map_err(|_| self.fault(name, "is negative"))?;
        Ok(Some(number))
    }

    fn fault(&self, name: &str, reason: &str) -> Error {
        Error::Decode {
            what: format!("`{name}` in the settings of queue `{}`", self.queue),
            reason: format!("it {reason}"),
        }
    }
}
