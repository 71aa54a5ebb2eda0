//! `fineTune.start`: one fine-tuning job, from its file to its model, over any number of attempts.

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{
    asked::{Asked, Training},
    follow::Follower,
    marks::Marks,
    memory::Memory,
    remote::{Remote, RemoteJob, is_first_start},
};
use crate::{
    BoxError,
    processor::openai::{
        Builtins,
        error::{Halt, settle},
        export, exports,
        input::{Input, or_cancelled},
        object::Object,
        report,
        training::TrainingFile,
    },
    worker::{CancelReason, Outcome, Processor, RawJob},
};

/// Runs `fineTune.start`.
pub(in crate::processor::openai) struct Start(pub(in crate::processor::openai) Builtins);

impl Processor for Start {
    fn process(&self, job: RawJob) -> BoxFuture<'_, Result<Outcome, BoxError>> {
        Box::pin(async move {
            let result = self.run(&job).await;
            settle(&job, result).await
        })
    }
}

/// The return value.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_field_names,
    reason = "the names of the API, in camel case"
)]
struct Trained<'a> {
    id: &'a str,
    status: &'a str,
    model: Option<&'a str>,
    fine_tuned_model: Option<&'a str>,
    trained_tokens: Option<u64>,
    training_file: Option<&'a str>,
    validation_file: Option<&'a str>,
    result_files: &'a [String],
    seed: Option<i64>,
    created_at: Option<i64>,
    finished_at: Option<i64>,
}

impl Start {
    async fn run(&self, job: &RawJob) -> Result<Box<RawValue>, Halt> {
        let input = Input::of(job);
        let asked = Asked::read(&input)?;
        let mut memory = Memory::read(job)?;
        let api = self.0.api()?;
        let redactor = api.redactor(input.text);
        let remote = Remote(api.session(job, &redactor));
        let attempt = Attempt {
            own: self,
            job,
            input: &input,
            asked: &asked,
            remote: &remote,
        };
        let ended = match attempt.pursue(&mut memory).await {
            Ok(ended) => ended,
            Err(Halt::Cancelled(reason)) => {
                attempt.stop(&reason, &mut memory).await?;
                return Err(Halt::Cancelled(reason));
            }
            Err(other) => return Err(other),
        };
        if ended.status == "succeeded" {
            return Ok(to_raw_value(&Trained::from(&ended))?);
        }
        memory.end_run(job).await?;
        Err(attempt.failure(&ended))
    }
}

impl<'a> From<&'a RemoteJob> for Trained<'a> {
    fn from(job: &'a RemoteJob) -> Self {
        Self {
            id: &job.id,
            status: &job.status,
            model: job.model.as_deref(),
            fine_tuned_model: job.fine_tuned_model.as_deref(),
            trained_tokens: job.trained_tokens,
            training_file: job.training_file.as_deref(),
            validation_file: job.validation_file.as_deref(),
            result_files: job.result_files.as_deref().unwrap_or_default(),
            seed: job.seed,
            created_at: job.created_at,
            finished_at: job.finished_at,
        }
    }
}

/// One attempt at the job.
struct Attempt<'a> {
    own: &'a Start,
    job: &'a RawJob,
    input: &'a Input<'a>,
    asked: &'a Asked,
    remote: &'a Remote<'a>,
}

impl Attempt<'_> {
    /// Finds or makes the fine-tuning job and follows it to its end.
    async fn pursue(&self, memory: &mut Memory) -> Result<RemoteJob, Halt> {
        let id = match memory.job_id() {
            Some(id) => {
                report::log(self.job, format!("continues fine-tuning job {id}")).await;
                id.to_owned()
            }
            None => self.find_or_create(memory).await?,
        };
        let interval = self.own.0.options().poll_interval;
        Follower::new(self.remote, self.job, &id, interval)
            .run(memory)
            .await
    }

    async fn find_or_create(&self, memory: &mut Memory) -> Result<String, Halt> {
        let marks = Marks::new(self.job, memory.run());
        let found = or_cancelled(self.job, self.remote.find_job(&marks)).await?;
        if let Some(found) = found {
            memory.keep_job(self.job, &found.id).await?;
            report::log(
                self.job,
                format!("found fine-tuning job {} again", found.id),
            )
            .await;
            return Ok(found.id);
        }
        let file = or_cancelled(self.job, self.training_file(memory)).await?;
        let mut body = self.asked.body(self.input, &file)?;
        body.put("metadata", &self.asked.metadata(&marks))?;
        if let Some(reason) = self.job.cancel_reason() {
            return Err(Halt::Cancelled(reason));
        }
        // Not dropped on cancellation: what the call began must be known to be noted or undone.
        let created = self.remote.create(&body).await?;
        memory.keep_job(self.job, &created.id).await?;
        let id = &created.id;
        report::log(
            self.job,
            format!("created fine-tuning job {id} from {file}"),
        )
        .await;
        Ok(created.id)
    }

    /// The id of the file to learn from, uploaded if need be.
    async fn training_file(&self, memory: &mut Memory) -> Result<String, Halt> {
        if let Some(id) = memory.training_file() {
            return Ok(id.to_owned());
        }
        let model = Some(self.asked.model.clone());
        let mut file = match &self.asked.training {
            Training::File(id) => return Ok(id.clone()),
            Training::Inline => export::build(self.job, model).await?.unwrap_or_default(),
            Training::Path(path) => self.file_on_disk(path, model).await?,
        };
        export::check(&file, self.asked.skip_invalid)?;
        let content = std::mem::take(&mut file.content);
        let uploaded = self.remote.file(self.job, content.into()).await?;
        memory.keep_training_file(self.job, &uploaded.id).await?;
        Ok(uploaded.id)
    }

    async fn file_on_disk(&self, path: &str, model: Option<String>) -> Result<TrainingFile, Halt> {
        let directory = self.own.0.options().export_dir.clone();
        let fault = |rule: String| self.input.fault("trainingPath", rule);
        let content = exports::read(directory, path).await.map_err(fault)?;
        let text = String::from_utf8(content).map_err(|_| fault("it is not UTF-8".into()))?;
        tokio::task::spawn_blocking(move || TrainingFile::of_lines(&text, model.as_deref()))
            .await
            .map_err(Halt::attempt)
    }

    /// What happens to the fine-tuning job when ours is told to stop. Only a person's wish ends it:
    /// after a shutdown, a lost lock or a timeout another attempt goes on with it.
    async fn stop(&self, reason: &CancelReason, memory: &mut Memory) -> Result<(), Halt> {
        if !matches!(reason, CancelReason::Requested(_)) {
            if let Some(id) = memory.job_id() {
                let row = format!("leaves fine-tuning job {id} running: {reason}");
                report::log(self.job, row).await;
            }
            return Ok(());
        }
        let Some(id) = self.known_or_found(memory).await? else {
            return Ok(());
        };
        match self.remote.cancel(&id).await {
            Ok(_) => {
                report::log(self.job, format!("cancelled fine-tuning job {id}")).await;
                memory.end_run(self.job).await
            }
            Err(Halt::Api(error)) => {
                let row = format!("could not cancel fine-tuning job {id}: {error}");
                report::log(self.job, row).await;
                Ok(())
            }
            Err(other) => Err(other),
        }
    }

    /// The fine-tuning job's id, even if an attempt before this one could not note it down.
    async fn known_or_found(&self, memory: &Memory) -> Result<Option<String>, Halt> {
        if let Some(id) = memory.job_id() {
            return Ok(Some(id.to_owned()));
        }
        if is_first_start(self.job) {
            return Ok(None);
        }
        let marks = Marks::new(self.job, memory.run());
        let found = self.remote.find_job(&marks).await?;
        Ok(found.map(|found| found.id))
    }

    fn failure(&self, ended: &RemoteJob) -> Halt {
        let id = &ended.id;
        if ended.status == "cancelled" {
            return Halt::for_good(format!("fine-tuning job {id} was cancelled at the API"));
        }
        let clean = |text: &String| self.remote.0.redactor().clean(text);
        let error = ended.error.as_ref();
        let code = error.and_then(|error| error.code.as_ref()).map(clean);
        let code = code.map(|code| format!(" ({code})")).unwrap_or_default();
        let message = error.and_then(|error| error.message.as_ref()).map(clean);
        let message = message.unwrap_or_else(|| "the API gave no reason".into());
        Halt::for_good(format!("fine-tuning job {id} failed{code}: {message}"))
    }
}

impl Asked {
    /// The body that creates the job, but for its metadata.
    fn body(&self, input: &Input<'_>, training_file: &str) -> Result<Object, Halt> {
        let fields = input.object()?;
        let mut body = Object::default();
        body.put("model", &self.model)?;
        body.put("training_file", training_file)?;
        if let Some(id) = &self.validation_file {
            body.put("validation_file", id)?;
        }
        for name in [
            "suffix",
            "seed",
            "hyperparameters",
            "method",
            "integrations",
        ] {
            if let Some(value) = fields.get(name) {
                body.set(name, value.to_owned());
            }
        }
        Ok(body)
    }
}
