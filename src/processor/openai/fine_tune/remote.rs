//! Files and fine-tuning jobs as the API has them.

use bytes::Bytes;
use serde::{Deserialize, de::DeserializeOwned};

use super::marks::Marks;
use crate::{
    processor::openai::{
        client::{Call, Session},
        error::Halt,
        exports::stem,
        object::Object,
        report,
    },
    worker::RawJob,
};

/// Most pages of a listing that are looked through.
const MOST_PAGES: usize = 100;
const PAGE: &str = "100";
/// Jobs this much older than ours, by the API's clock, are not ours; in s.
const CLOCK_SKEW: i64 = 86_400;

/// The calls that fine-tuning needs.
pub(in crate::processor::openai) struct Remote<'a>(pub(in crate::processor::openai) Session<'a>);

/// An uploaded file.
#[derive(Debug, Deserialize)]
pub(in crate::processor::openai) struct RemoteFile {
    pub(in crate::processor::openai) id: String,
    pub(in crate::processor::openai) filename: String,
    bytes: u64,
    status: Option<String>,
}

/// A fine-tuning job.
#[derive(Debug, Deserialize)]
pub(super) struct RemoteJob {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) model: Option<String>,
    pub(super) fine_tuned_model: Option<String>,
    pub(super) trained_tokens: Option<u64>,
    pub(super) training_file: Option<String>,
    pub(super) validation_file: Option<String>,
    #[serde(default)]
    pub(super) result_files: Option<Vec<String>>,
    pub(super) seed: Option<i64>,
    pub(super) error: Option<RemoteError>,
    pub(super) metadata: Option<std::collections::BTreeMap<String, String>>,
    pub(super) created_at: Option<i64>,
    pub(super) finished_at: Option<i64>,
}

/// Why a fine-tuning job failed; all empty where it did not.
#[derive(Debug, Deserialize)]
pub(super) struct RemoteError {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
}

impl RemoteJob {
    /// Whether nothing more will happen to it.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "succeeded" | "failed" | "cancelled")
    }
}

/// Something that happened to a fine-tuning job.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) created_at: i64,
    pub(super) level: Option<String>,
    pub(super) message: String,
    pub(super) data: Option<Metrics>,
}

/// Where the training is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Metrics {
    pub(super) step: Option<u64>,
    pub(super) total_steps: Option<u64>,
    pub(super) train_loss: Option<f64>,
    pub(super) valid_loss: Option<f64>,
}

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    #[serde(default)]
    has_more: bool,
}

impl Remote<'_> {
    /// The job's training file: the one that an earlier attempt uploaded, else a new one.
    pub(in crate::processor::openai) async fn file(
        &self,
        job: &RawJob,
        content: Bytes,
    ) -> Result<RemoteFile, Halt> {
        let hash = sha1_smol::Sha1::from(&content).digest().to_string();
        let owner = stem(&format!("{}-{}", job.queue(), job.id()));
        let name = format!(
            "bullrs-{owner}-{}.jsonl",
            hash.get(..16).unwrap_or_default()
        );
        let bytes = content.len() as u64;
        if !is_first_start(job)
            && let Some(file) = self.find_file(&name, bytes).await?
        {
            report::log(job, format!("uses {}, uploaded before", file.id)).await;
            return Ok(file);
        }
        let call = Call::post("POST /files", &["files"]);
        let file: RemoteFile = self.0.upload(&call, &name, content).await?;
        report::log(job, format!("uploaded {} ({bytes} bytes)", file.id)).await;
        Ok(file)
    }

    async fn find_file(&self, name: &str, bytes: u64) -> Result<Option<RemoteFile>, Halt> {
        let query = [("purpose", "fine-tune"), ("order", "desc")];
        let call = Call::get("GET /files", &["files"]);
        let is_ours = |file: &RemoteFile| {
            let usable = !matches!(file.status.as_deref(), Some("error" | "deleted"));
            file.filename == name && file.bytes == bytes && usable
        };
        self.search(
            &call,
            &query,
            |file: &RemoteFile| &file.id,
            |file| {
                if is_ours(file) {
                    Verdict::Found
                } else {
                    Verdict::Other
                }
            },
        )
        .await
    }

    /// The fine-tuning job with these marks, which an earlier attempt made and could not note down.
    pub(super) async fn find_job(&self, marks: &Marks) -> Result<Option<RemoteJob>, Halt> {
        let (key, value) = marks.filter();
        let call = Call::get("GET /fine_tuning/jobs", &["fine_tuning", "jobs"]);
        let oldest = marks.added_seconds().saturating_sub(CLOCK_SKEW);
        // A server may not know the filter, so each job is looked at.
        self.search(
            &call,
            &[(&key, value)],
            |job: &RemoteJob| &job.id,
            |job| {
                if job
                    .metadata
                    .as_ref()
                    .is_some_and(|metadata| marks.are_in(metadata))
                {
                    Verdict::Found
                } else if job.created_at.is_some_and(|at| at < oldest) {
                    Verdict::Stop
                } else {
                    Verdict::Other
                }
            },
        )
        .await
    }

    /// Creates a fine-tuning job: from here on it costs money.
    pub(super) async fn create(&self, body: &Object) -> Result<RemoteJob, Halt> {
        let call = Call::post("POST /fine_tuning/jobs", &["fine_tuning", "jobs"]);
        self.0.call_with(&call, body).await
    }

    pub(super) async fn job(&self, id: &str) -> Result<RemoteJob, Halt> {
        let path = ["fine_tuning", "jobs", id];
        self.0
            .call(&Call::get("GET /fine_tuning/jobs/:id", &path))
            .await
    }

    pub(super) async fn cancel(&self, id: &str) -> Result<RemoteJob, Halt> {
        let path = ["fine_tuning", "jobs", id, "cancel"];
        self.0
            .call(&Call::post("POST /fine_tuning/jobs/:id/cancel", &path))
            .await
    }

    /// What happened after the event `last`, oldest first.
    pub(super) async fn events_after(
        &self,
        id: &str,
        last: Option<&str>,
    ) -> Result<Vec<Event>, Halt> {
        let path = ["fine_tuning", "jobs", id, "events"];
        let call = Call::get("GET /fine_tuning/jobs/:id/events", &path);
        let mut events = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page: Page<Event> = self.page(&call, &[], after.as_deref()).await?;
            let more = page.has_more && !page.data.is_empty();
            for event in page.data {
                if Some(event.id.as_str()) == last {
                    events.reverse();
                    return Ok(events);
                }
                events.push(event);
            }
            if !more {
                break;
            }
            after = events.last().map(|event: &Event| event.id.clone());
        }
        events.reverse();
        Ok(events)
    }

    /// Looks through a listing, page by page, newest first.
    async fn search<T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
        query: &[(&str, &str)],
        id: impl Fn(&T) -> &String,
        verdict: impl Fn(&T) -> Verdict,
    ) -> Result<Option<T>, Halt> {
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page: Page<T> = self.page(call, query, after.as_deref()).await?;
            after = page.data.last().map(|item| id(item).clone());
            let more = page.has_more;
            for item in page.data {
                match verdict(&item) {
                    Verdict::Found => return Ok(Some(item)),
                    Verdict::Stop => return Ok(None),
                    Verdict::Other => {}
                }
            }
            if !more || after.is_none() {
                break;
            }
        }
        Ok(None)
    }

    async fn page<T: DeserializeOwned>(
        &self,
        call: &Call<'_>,
        query: &[(&str, &str)],
        after: Option<&str>,
    ) -> Result<Page<T>, Halt> {
        let mut query = query.to_vec();
        query.push(("limit", PAGE));
        query.extend(after.map(|after| ("after", after)));
        let call = Call {
            name: call.name,
            method: call.method.clone(),
            path: call.path,
            query: &query,
        };
        self.0.call(&call).await
    }
}

enum Verdict {
    Found,
    Other,
    Stop,
}

/// Whether no attempt can have been here before.
pub(super) fn is_first_start(job: &RawJob) -> bool {
    let record = job.record();
    record.attempts_made == 0 && record.attempts_started <= 1 && record.stalled_count == 0
}
