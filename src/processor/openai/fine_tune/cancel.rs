//! `fineTune.cancel`: ends a fine-tuning job.

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{
    json,
    value::{RawValue, to_raw_value},
};

use super::remote::Remote;
use crate::{
    BoxError,
    processor::openai::{
        Builtins,
        client::is_id,
        error::{Halt, settle},
        input::{Input, or_cancelled},
        report,
    },
    worker::{Outcome, Processor, RawJob},
};

/// Runs `fineTune.cancel`.
pub(in crate::processor::openai) struct Cancel(pub(in crate::processor::openai) Builtins);

impl Processor for Cancel {
    fn process(&self, job: RawJob) -> BoxFuture<'_, Result<Outcome, BoxError>> {
        Box::pin(async move {
            let result = or_cancelled(&job, self.run(&job)).await;
            settle(&job, result).await
        })
    }
}

#[derive(Deserialize)]
struct Asked {
    #[serde(rename = "fineTuneJobId")]
    id: String,
}

impl Cancel {
    async fn run(&self, job: &RawJob) -> Result<Box<RawValue>, Halt> {
        let input = Input::of(job);
        let Asked { id } = input.read()?;
        if !is_id(&id) {
            let rule = "must be the id of a fine-tuning job, such as `ftjob-abc123`";
            return Err(input.fault("fineTuneJobId", rule));
        }
        let api = self.0.api()?;
        // The id is what the job is about, and no secret: errors may name it.
        let redactor = api.redactor("{}");
        let remote = Remote(api.session(job, &redactor));
        let ended = match remote.cancel(&id).await {
            Ok(ended) => ended,
            // It ended before, perhaps by an attempt of ours whose answer was lost.
            Err(Halt::Api(error)) if error.is_status(400) => {
                let ended = remote.job(&id).await?;
                if ended.status != "cancelled" {
                    return Err(Halt::Api(error));
                }
                ended
            }
            Err(other) => return Err(other),
        };
        report::log(job, format!("fine-tuning job {id} is {}", ended.status)).await;
        Ok(to_raw_value(
            &json!({"id": ended.id, "status": ended.status}),
        )?)
    }
}
