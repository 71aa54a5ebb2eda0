//! What an attempt leaves for the next one: the remote ids, kept in the job's data.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::to_raw_value;
use tokio::time::timeout;
use tracing::warn;

use crate::{
    processor::openai::{error::Halt, object::Object},
    wire,
    worker::RawJob,
};

/// Longest wait for Redis before saving is put off.
const PATIENCE: Duration = Duration::from_secs(5);
/// Our fields in the producer's data.
const OURS: &str = "bullrs";
const FINE_TUNE: &str = "fineTune";

/// Remote ids, under `bullrs.fineTune` of the job's data; the producer's fields stay as they are.
#[derive(Debug)]
pub(super) struct Memory {
    data: Object,
    ours: Object,
    ids: Ids,
    saved: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Ids {
    /// Fine-tuning jobs that ended badly and were reported.
    run: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    training_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_id: Option<String>,
}

impl Memory {
    /// Reads what earlier attempts left.
    pub(super) fn read(job: &RawJob) -> Result<Self, Halt> {
        let data: Object = wire::read_json(job.data().get(), "data").map_err(Halt::for_good)?;
        let ours: Object = match data.get(OURS) {
            Some(ours) => {
                wire::read_json(ours.get(), "`bullrs` of the data").map_err(Halt::for_good)?
            }
            None => Object::default(),
        };
        let ids = match ours.get(FINE_TUNE) {
            Some(ids) => wire::read_json(ids.get(), "`bullrs.fineTune` of the data")
                .map_err(Halt::for_good)?,
            None => Ids::default(),
        };
        Ok(Self {
            data,
            ours,
            ids,
            saved: true,
        })
    }

    pub(super) fn run(&self) -> u32 {
        self.ids.run
    }

    pub(super) fn training_file(&self) -> Option<&str> {
        self.ids.training_file.as_deref()
    }

    pub(super) fn job_id(&self) -> Option<&str> {
        self.ids.job_id.as_deref()
    }

    /// Notes the uploaded file.
    pub(super) async fn keep_training_file(&mut self, job: &RawJob, id: &str) -> Result<(), Halt> {
        self.ids.training_file = Some(id.to_owned());
        self.save(job).await
    }

    /// Notes the fine-tuning job.
    pub(super) async fn keep_job(&mut self, job: &RawJob, id: &str) -> Result<(), Halt> {
        self.ids.job_id = Some(id.to_owned());
        self.save(job).await
    }

    /// Forgets a fine-tuning job that ended badly, so that a retry by hand starts a new one.
    pub(super) async fn end_run(&mut self, job: &RawJob) -> Result<(), Halt> {
        self.ids = Ids {
            run: self.ids.run.saturating_add(1),
            ..Ids::default()
        };
        self.save(job).await
    }

    /// Tries again what an outage kept from being saved.
    pub(super) async fn catch_up(&mut self, job: &RawJob) -> Result<(), Halt> {
        if self.saved {
            Ok(())
        } else {
            self.save(job).await
        }
    }

    /// Redis being away does not stop the job: the ids are saved later, and until then the marks of
    /// the fine-tuning job let the next attempt find it.
    async fn save(&mut self, job: &RawJob) -> Result<(), Halt> {
        self.ours.set(FINE_TUNE, to_raw_value(&self.ids)?);
        self.data.set(OURS, to_raw_value(&self.ours)?);
        let reason = match timeout(PATIENCE, job.update_data(&self.data)).await {
            Ok(Ok(())) => {
                self.saved = true;
                return Ok(());
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "Redis did not answer".to_owned(),
        };
        self.saved = false;
        warn!(
            job.queue = job.queue(),
            job.id = job.id(),
            reason,
            "the fine-tuning job's id is not saved yet"
        );
        Ok(())
    }
}
