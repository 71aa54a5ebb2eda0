//! A job as it lies in Redis at one moment (WIRE §2).

use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::StoredOpts;
use crate::{
    Error, Result,
    wire::{JobState, QueueKeys, int_text, read_json, truthy, without_content},
};

/// The fields that a method of [`JobSnapshot`] reads.
const KNOWN: [&str; 24] = [
    "ats",
    "atm",
    "attemptsMade",
    "data",
    "defa",
    "deid",
    "delay",
    "failedReason",
    "finishedOn",
    "name",
    "nrjid",
    "opts",
    "parent",
    "parentKey",
    "pb",
    "priority",
    "processedOn",
    "progress",
    "returnvalue",
    "rjk",
    "stacktrace",
    "stc",
    "timestamp",
    "tm",
];

/// What was stored of a job when it was read: every field, those that nobody knows included.
///
/// Other writers are JavaScript, so it reads leniently; but a field that cannot be read is an error of
/// the method that asks for it, never a default. [`faults`](Self::faults) lists all of them. Numbers
/// that are not there are those that the protocol takes for absent, as each method says.
///
/// `Debug` shows names and sizes only.
#[derive(Clone)]
pub struct JobSnapshot {
    keys: QueueKeys,
    id: String,
    fields: BTreeMap<String, String>,
    listed_in: Option<JobState>,
}

/// A field of a job that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldFault {
    /// The field's name in Redis.
    pub field: &'static str,
    /// What is wrong with it, without its content.
    pub reason: String,
}

/// The parent of a job.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own in Redis"
)]
pub struct ParentRef {
    /// The parent's id.
    pub id: String,
    /// The parent's queue with its prefix, such as `bull:images`.
    #[serde(rename = "queueKey")]
    pub queue_key: String,
    /// The parent fails when this job does.
    #[serde(rename = "fpof", default, deserialize_with = "truthy")]
    pub fail_parent_on_failure: bool,
    /// The parent goes on at once when this job fails.
    #[serde(rename = "cpof", default, deserialize_with = "truthy")]
    pub continue_parent_on_failure: bool,
    /// The parent no longer waits for this job when it fails, and can see why.
    #[serde(rename = "idof", default, deserialize_with = "truthy")]
    pub ignore_dependency_on_failure: bool,
    /// The parent no longer waits for this job when it fails.
    #[serde(rename = "rdof", default, deserialize_with = "truthy")]
    pub remove_dependency_on_failure: bool,
}

impl ParentRef {
    /// The name of the parent's queue.
    pub fn queue(&self) -> &str {
        self.queue_key.rsplit(':').next().unwrap_or_default()
    }
}

impl JobSnapshot {
    /// Takes the fields of a job's hash. Reads nothing of them yet, so it cannot fail.
    pub fn read<'a>(
        keys: &QueueKeys,
        id: &str,
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let fields = fields.into_iter();
        let fields = fields.map(|(name, text)| (name.to_owned(), text.to_owned()));
        Self::new(keys.clone(), id.to_owned(), fields)
    }

    pub(crate) fn new(
        keys: QueueKeys,
        id: String,
        fields: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self {
            keys,
            id,
            fields: fields.into_iter().collect(),
            listed_in: None,
        }
    }

    pub(crate) fn listed(mut self, state: JobState) -> Self {
        self.listed_in = Some(state);
        self
    }

    /// The job's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The name of its queue.
    pub fn queue(&self) -> &str {
        self.keys.queue()
    }

    /// Its full key, by which parents know it, such as `bull:images:7`.
    pub fn key(&self) -> String {
        self.keys.job(&self.id)
    }

    /// The state in whose list the job was found, if it comes from a list. It may have left it since.
    pub fn listed_in(&self) -> Option<JobState> {
        self.listed_in
    }

    /// The job's name; none in a hash that only a late activation has made.
    pub fn name(&self) -> Option<&str> {
        self.field("name")
    }

    /// Whether this is not a whole job but what a late write has left of one (WIRE §2).
    pub fn is_remnant(&self) -> bool {
        self.name().is_none() && self.field("data").is_none()
    }

    /// The data as the producer wrote it.
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn data(&self) -> Result<Option<&RawValue>> {
        self.json("data")
    }

    /// The data as a `T`.
    ///
    /// # Errors
    /// When there is none, or it is no `T`: with the path of the bad field.
    pub fn read_data<T: DeserializeOwned>(&self) -> Result<T> {
        self.typed("data")?
            .ok_or_else(|| self.fault("data", "it is missing".into()))
    }

    /// What the handler returned, if the job has completed.
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn return_value(&self) -> Result<Option<&RawValue>> {
        self.json("returnvalue")
    }

    /// What the handler returned, as a `T`; none if the job has not completed.
    ///
    /// # Errors
    /// When it is no `T`: with the path of the bad field.
    pub fn read_return_value<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        self.typed("returnvalue")
    }

    /// The progress reported last, if any was; stock shows 0 then.
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn progress(&self) -> Result<Option<&RawValue>> {
        self.json("progress")
    }

    /// The progress reported last as a `T`, if any was.
    ///
    /// # Errors
    /// When it is no `T`: with the path of the bad field.
    pub fn read_progress<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        self.typed("progress")
    }

    /// The options that the job was added with.
    ///
    /// # Errors
    /// When they cannot be read: with the path of the bad one.
    pub fn opts(&self) -> Result<StoredOpts> {
        match self.field("opts") {
            Some(text) => StoredOpts::read(text, &self.subject("opts")),
            None => Ok(StoredOpts::default()),
        }
    }

    /// The options as they stand, in short names (WIRE §2.1).
    ///
    /// # Errors
    /// When they are no JSON.
    pub fn opts_json(&self) -> Result<Option<&RawValue>> {
        self.json("opts")
    }

    /// When the job was added, unix ms.
    ///
    /// # Errors
    /// When it is no number.
    pub fn timestamp(&self) -> Result<Option<i64>> {
        self.number("timestamp")
    }

    /// When the last attempt started, unix ms.
    ///
    /// # Errors
    /// When it is no number.
    pub fn processed_on(&self) -> Result<Option<i64>> {
        self.number("processedOn")
    }

    /// When the job finished, unix ms.
    ///
    /// # Errors
    /// When it is no number.
    pub fn finished_on(&self) -> Result<Option<i64>> {
        self.number("finishedOn")
    }

    /// Its present delay in ms: 0 once it is due, and if it has none.
    ///
    /// # Errors
    /// When it is no number.
    pub fn delay(&self) -> Result<i64> {
        Ok(self.number("delay")?.unwrap_or(0))
    }

    /// Its present priority; 0 is none.
    ///
    /// # Errors
    /// When it is no number, or negative.
    pub fn priority(&self) -> Result<u32> {
        self.count("priority")
    }

    /// How many attempts are used up; 0 before the first ends.
    ///
    /// # Errors
    /// When it is no number, or negative.
    pub fn attempts_made(&self) -> Result<u32> {
        if self.fields.contains_key("attemptsMade") {
            return self.count("attemptsMade");
        }
        self.count("atm")
    }

    /// How often the job was started; 0 before the first time.
    ///
    /// # Errors
    /// When it is no number, or negative.
    pub fn attempts_started(&self) -> Result<u32> {
        self.count("ats")
    }

    /// How often the job stalled.
    ///
    /// # Errors
    /// When it is no number, or negative.
    pub fn stalled_count(&self) -> Result<u32> {
        self.count("stc")
    }

    /// The name of the worker that took it last, if that has one.
    pub fn processed_by(&self) -> Option<&str> {
        self.field("pb")
    }

    /// The message of the last failed attempt.
    pub fn failed_reason(&self) -> Option<&str> {
        self.field("failedReason")
    }

    /// Why the job fails as soon as a worker takes it: a child of it failed, or it stalled too often.
    pub fn deferred_failure(&self) -> Option<&str> {
        self.field("defa")
    }

    /// One text for each failed attempt, the last one last; none before the first.
    ///
    /// # Errors
    /// When it is no JSON array of texts. (Stock shows none then.)
    pub fn stacktrace(&self) -> Result<Vec<String>> {
        Ok(self.typed("stacktrace")?.unwrap_or_default())
    }

    /// The parent's full key.
    pub fn parent_key(&self) -> Option<&str> {
        self.field("parentKey")
    }

    /// The parent, and what it does when this job fails.
    ///
    /// # Errors
    /// When it cannot be read: with the path of the bad field.
    pub fn parent(&self) -> Result<Option<ParentRef>> {
        self.typed("parent")
    }

    /// The job scheduler that made the job, or the key of a 5.x repeatable.
    pub fn repeat_job_key(&self) -> Option<&str> {
        self.field("rjk")
    }

    /// The id of the next job of its scheduler; only 5.x writes it.
    pub fn next_repeatable_job_id(&self) -> Option<&str> {
        self.field("nrjid")
    }

    /// What makes other jobs duplicates of this one.
    pub fn deduplication_id(&self) -> Option<&str> {
        self.field("deid")
    }

    /// The trace that a failed attempt has left. (The producer's is in the options.)
    pub fn telemetry_metadata(&self) -> Option<&str> {
        self.field("tm")
    }

    /// A field as it stands, by its name in Redis.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// All fields as they stand, by their names in Redis.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Fields that no method of this type knows.
    pub fn unknown_fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields().filter(|(name, _)| !KNOWN.contains(name))
    }

    /// Every field that cannot be read; none of a sound job.
    pub fn faults(&self) -> Vec<FieldFault> {
        let attempts = if self.fields.contains_key("attemptsMade") {
            "attemptsMade"
        } else {
            "atm"
        };
        let mut faults = Vec::new();
        let mut note = |field: &'static str, outcome: Result<()>| {
            if let Err(Error::Decode { reason, .. }) = outcome {
                faults.push(FieldFault { field, reason });
            }
        };
        note("data", self.data().map(drop));
        note("opts", self.opts().map(drop));
        note("timestamp", self.timestamp().map(drop));
        note("delay", self.delay().map(drop));
        note("priority", self.priority().map(drop));
        note("processedOn", self.processed_on().map(drop));
        note("finishedOn", self.finished_on().map(drop));
        note(attempts, self.attempts_made().map(drop));
        note("ats", self.attempts_started().map(drop));
        note("stc", self.stalled_count().map(drop));
        note("progress", self.progress().map(drop));
        note("returnvalue", self.return_value().map(drop));
        note("stacktrace", self.stacktrace().map(drop));
        note("parent", self.parent().map(drop));
        faults
    }

    fn subject(&self, field: &str) -> String {
        format!("`{field}` of job `{}` of queue `{}`", self.id, self.queue())
    }

    fn fault(&self, field: &str, reason: String) -> Error {
        Error::Decode {
            what: self.subject(field),
            reason,
        }
    }

    fn json(&self, field: &str) -> Result<Option<&RawValue>> {
        let Some(text) = self.field(field) else {
            return Ok(None);
        };
        serde_json::from_str(text).map(Some).map_err(|error| {
            let reason = format!("it is not JSON: {}", without_content(&error));
            self.fault(field, reason)
        })
    }

    fn typed<T: DeserializeOwned>(&self, field: &str) -> Result<Option<T>> {
        let read = |text| read_json(text, &self.subject(field));
        self.field(field).map(read).transpose()
    }

    fn number(&self, field: &str) -> Result<Option<i64>> {
        let Some(text) = self.field(field) else {
            return Ok(None);
        };
        let Some(number) = int_text(text) else {
            return Err(self.fault(field, "it is not a number".into()));
        };
        // What does not fit is read as the nearest number that does.
        if matches!(number, i64::MIN | i64::MAX) && text.trim().parse::<i64>() != Ok(number) {
            return Err(self.fault(field, "it is out of range".into()));
        }
        Ok(Some(number))
    }

    fn count(&self, field: &str) -> Result<u32> {
        let number = self.number(field)?.unwrap_or(0);
        u32::try_from(number).map_err(|_| {
            let reason = if number < 0 {
                "it is negative"
            } else {
                "it is out of range"
            };
            self.fault(field, reason.into())
        })
    }
}

impl fmt::Debug for JobSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: BTreeMap<&str, usize> = self
            .fields()
            .map(|(name, text)| (name, text.len()))
            .collect();
        f.debug_struct("JobSnapshot")
            .field("queue", &self.queue())
            .field("id", &self.id)
            .field(
                "name",
                &self.name().map_or(Cow::Borrowed("none"), Cow::Borrowed),
            )
            .field("bytes", &sizes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
