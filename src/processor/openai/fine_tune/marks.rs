//! How a fine-tuning job is known to be ours, even when its id was lost.

use std::collections::BTreeMap;

use crate::worker::RawJob;

const JOB: &str = "bullrs_job";
const ADDED: &str = "bullrs_added";
const RUN: &str = "bullrs_run";

/// Longest value that metadata takes, in characters.
const LONGEST: usize = 512;

/// Metadata that only one run of one job has.
///
/// Queue and id are not enough: ids start again when Redis is emptied, and a job of last year must
/// not pass for this one's. So the time it was added is a mark too.
#[derive(Debug)]
pub(super) struct Marks {
    job: String,
    added: i64,
    run: u32,
}

impl Marks {
    /// The marks of a job whose fine-tuning jobs ended badly `run` times already.
    pub(super) fn new(job: &RawJob, run: u32) -> Self {
        let name = format!("{}:{}", job.queue(), job.id());
        let fits = name.chars().count() <= LONGEST;
        Self {
            job: if fits {
                name
            } else {
                sha1_smol::Sha1::from(&name).digest().to_string()
            },
            added: job.record().timestamp,
            run,
        }
    }

    /// How many keys of the metadata they take.
    pub(super) const KEYS: usize = 3;

    pub(super) fn write(&self, metadata: &mut BTreeMap<String, String>) {
        metadata.insert(JOB.into(), self.job.clone());
        metadata.insert(ADDED.into(), self.added.to_string());
        metadata.insert(RUN.into(), self.run.to_string());
    }

    pub(super) fn are_in(&self, metadata: &BTreeMap<String, String>) -> bool {
        let is = |key, value: &str| metadata.get(key).is_some_and(|own| own == value);
        is(JOB, &self.job) && is(ADDED, &self.added.to_string()) && is(RUN, &self.run.to_string())
    }

    /// The query that lists jobs with the most telling of the marks.
    pub(super) fn filter(&self) -> (String, &str) {
        (format!("metadata[{JOB}]"), &self.job)
    }

    /// When the job was added, unix s.
    pub(super) fn added_seconds(&self) -> i64 {
        self.added / 1000
    }

    /// Whether a key is one of ours.
    pub(super) fn owns(key: &str) -> bool {
        key.starts_with("bullrs_")
    }
}
