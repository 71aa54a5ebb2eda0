//! The options that a job was added with, all of them (WIRE §2.1).

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::{
    Result,
    wire::{JobOpts, number, read_json, truthy},
};

/// Names that a field of [`JobOpts`] or [`Others`] reads.
const KNOWN: [&str; 25] = [
    "attempts",
    "backoff",
    "cpof",
    "de",
    "delay",
    "fpof",
    "idof",
    "jobId",
    "kl",
    "lifo",
    "omc",
    "parent",
    "prevMillis",
    "priority",
    "rdof",
    "removeOnComplete",
    "removeOnFail",
    "repeat",
    "repeatJobKey",
    "sizeLimit",
    "stackTraceLimit",
    "timeout",
    "timestamp",
    "tm",
    "ttl",
];

/// The options that a job was added with.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own in Redis"
)]
pub struct StoredOpts {
    /// What a worker acts on: attempts, backoff, what to keep, the schedule.
    pub run: JobOpts,
    /// The id that the job was given, if its producer chose one.
    pub job_id: Option<String>,
    /// When the job was added by its producer's word, unix ms.
    pub timestamp: Option<f64>,
    /// How many bytes the data may have.
    pub size_limit: Option<f64>,
    /// What makes other jobs duplicates of this one.
    pub deduplication: Option<DeduplicationOpts>,
    /// The parent.
    pub parent: Option<ParentOpts>,
    /// The parent fails when this job does.
    pub fail_parent_on_failure: bool,
    /// The parent goes on at once when this job fails.
    pub continue_parent_on_failure: bool,
    /// The parent no longer waits for this job when it fails, and can see why.
    pub ignore_dependency_on_failure: bool,
    /// The parent no longer waits for this job when it fails.
    pub remove_dependency_on_failure: bool,
    /// The producer's trace, as its telemetry wrote it.
    pub telemetry_metadata: Option<String>,
    /// Whether the job takes no part in its producer's trace.
    pub omit_context: bool,
    /// The job scheduler that made the job.
    pub repeat_job_key: Option<String>,
    /// Options that nobody here knows, as they stand.
    pub unknown: BTreeMap<String, Value>,
}

/// `opts.deduplication`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own in Redis"
)]
pub struct DeduplicationOpts {
    /// Jobs with the same id are duplicates.
    #[serde(deserialize_with = "text")]
    pub id: Option<String>,
    /// For how many ms; none is until the job has finished.
    #[serde(deserialize_with = "number")]
    pub ttl: Option<f64>,
    /// Whether a duplicate makes the time begin anew.
    #[serde(deserialize_with = "truthy")]
    pub extend: bool,
    /// Whether a duplicate takes the place of the job, as long as that is delayed.
    #[serde(deserialize_with = "truthy")]
    pub replace: bool,
    /// Whether the last duplicate of an active job runs after it.
    #[serde(deserialize_with = "truthy")]
    pub keep_last_if_active: bool,
    /// Whether a duplicate gives the job its delay.
    #[serde(deserialize_with = "truthy")]
    pub reschedule: bool,
}

/// `opts.parent`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ParentOpts {
    /// The parent's id.
    pub id: String,
    /// The parent's queue with its prefix, such as `bull:images`.
    pub queue: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of its own in Redis"
)]
struct Others {
    #[serde(deserialize_with = "text")]
    job_id: Option<String>,
    #[serde(deserialize_with = "number")]
    timestamp: Option<f64>,
    #[serde(deserialize_with = "number")]
    size_limit: Option<f64>,
    de: Option<DeduplicationOpts>,
    parent: Option<ParentOpts>,
    #[serde(deserialize_with = "truthy")]
    fpof: bool,
    #[serde(deserialize_with = "truthy")]
    cpof: bool,
    #[serde(deserialize_with = "truthy")]
    idof: bool,
    #[serde(deserialize_with = "truthy")]
    rdof: bool,
    #[serde(deserialize_with = "text")]
    tm: Option<String>,
    #[serde(deserialize_with = "truthy")]
    omc: bool,
    repeat_job_key: Option<String>,
}

/// A text, or a number by its digits.
fn text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Number(number) => Ok(Some(number.to_string())),
        _ => Err(de::Error::custom("expected a text")),
    }
}

impl StoredOpts {
    pub(super) fn read(text: &str, what: &str) -> Result<Self> {
        let run: JobOpts = read_json(text, what)?;
        let others: Others = read_json(text, what)?;
        let mut unknown: BTreeMap<String, Value> = read_json(text, what)?;
        unknown.retain(|name, _| !KNOWN.contains(&name.as_str()));
        Ok(Self {
            run,
            job_id: others.job_id,
            timestamp: others.timestamp,
            size_limit: others.size_limit,
            deduplication: others.de,
            parent: others.parent,
            fail_parent_on_failure: others.fpof,
            continue_parent_on_failure: others.cpof,
            ignore_dependency_on_failure: others.idof,
            remove_dependency_on_failure: others.rdof,
            telemetry_metadata: others.tm,
            omit_context: others.omc,
            repeat_job_key: others.repeat_job_key,
            unknown,
        })
    }
}
