//! `fineTune.export`: builds and checks a training file, and writes or uploads it.

use std::fmt::Write;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::{
    Builtins,
    error::{Halt, settle},
    exports,
    fine_tune::remote::Remote,
    input::{Input, or_cancelled},
    report,
    training::{Counts, Problem, TrainingFile},
};
use crate::{
    BoxError,
    worker::{Outcome, Processor, RawJob},
};

/// Problems that the failure's text repeats; the job's log has more.
const SHOWN_PROBLEMS: usize = 5;

/// Runs `fineTune.export`.
pub(super) struct Export(pub(super) Builtins);

impl Processor for Export {
    fn process(&self, job: RawJob) -> BoxFuture<'_, Result<Outcome, BoxError>> {
        Box::pin(async move {
            let result = or_cancelled(&job, self.run(&job)).await;
            settle(&job, result).await
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    model: Option<String>,
    #[serde(default)]
    skip_invalid: bool,
    #[serde(default)]
    upload: bool,
}

/// The return value.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exported<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<String>,
    file_name: String,
    #[serde(flatten)]
    counts: &'a Counts,
    problem_count: usize,
    problems: &'a [Problem],
}

impl Export {
    async fn run(&self, job: &RawJob) -> Result<Box<RawValue>, Halt> {
        let input = Input::of(job);
        let asked: Asked = input.read()?;
        let mut file = build(job, asked.model)
            .await?
            .ok_or_else(|| input.fault("examples", "is missing, and so is `rows`"))?;
        for problem in &file.problems {
            let (line, code, message) = (problem.line, problem.code, &problem.message);
            report::log(job, format!("line {line}: {code}: {message}")).await;
        }
        check(&file, asked.skip_invalid)?;
        let content = std::mem::take(&mut file.content);
        let mut exported = Exported {
            path: None,
            file_id: None,
            file_name: exports::file_name(job),
            counts: &file.counts,
            problem_count: file.problem_count,
            problems: &file.problems,
        };
        if asked.upload {
            let api = self.0.api()?;
            let redactor = api.redactor(input.text);
            let remote = Remote(api.session(job, &redactor));
            let uploaded = remote.file(job, content.into()).await?;
            exported.file_name = uploaded.filename;
            exported.file_id = Some(uploaded.id);
        } else {
            let directory = self.0.options().export_dir.clone();
            let path = exports::write(directory, &exported.file_name, content).await?;
            exported.path = Some(path.display().to_string());
        }
        report::log(job, summary(&file.counts)).await;
        Ok(to_raw_value(&exported)?)
    }
}

/// The training file of an input with `examples` or `rows`; `None` where it has neither.
pub(super) async fn build(
    job: &RawJob,
    model: Option<String>,
) -> Result<Option<TrainingFile>, Halt> {
    let job = job.clone();
    // Megabytes of examples would keep other jobs of this thread waiting.
    tokio::task::spawn_blocking(move || build_now(&Input::of(&job), model.as_deref()))
        .await
        .map_err(Halt::attempt)?
}

fn build_now(input: &Input<'_>, model: Option<&str>) -> Result<Option<TrainingFile>, Halt> {
    #[derive(Deserialize)]
    struct Source {
        examples: Option<Vec<Box<RawValue>>>,
        rows: Option<Vec<Box<RawValue>>>,
        system: Option<String>,
    }
    let source: Source = input.read()?;
    let system = source.system.as_deref();
    if system.is_some_and(|system| system.trim().is_empty()) {
        return Err(input.fault("system", "must not be empty"));
    }
    let mut file = TrainingFile::new(model);
    match (source.examples, source.rows) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(input.fault("rows", "must not stand beside `examples`")),
        (Some(examples), None) => {
            for (index, example) in examples.iter().enumerate() {
                file.add(index + 1, example, system);
            }
        }
        (None, Some(rows)) => {
            for (index, row) in rows.iter().enumerate() {
                file.add_row(index + 1, row, system);
            }
        }
    }
    Ok(Some(file))
}

/// Refuses a file that must not be used.
pub(super) fn check(file: &TrainingFile, skip_invalid: bool) -> Result<(), Halt> {
    let skipped = file.counts.skipped;
    if skipped > 0 && !skip_invalid {
        let total = file.counts.examples + skipped;
        let mut text = format!("{skipped} of {total} examples are invalid");
        for (index, problem) in file.problems.iter().take(SHOWN_PROBLEMS).enumerate() {
            let separator = if index == 0 { ": " } else { "; " };
            let (line, code, message) = (problem.line, problem.code, &problem.message);
            let _infallible = write!(text, "{separator}line {line}: {code}: {message}");
        }
        if file.problem_count > SHOWN_PROBLEMS {
            text.push_str("; the job's log has more");
        }
        return Err(Halt::for_good(text));
    }
    match file.unfit() {
        Some(reason) => Err(Halt::for_good(reason)),
        None => Ok(()),
    }
}

/// The line that the job's log gets.
fn summary(counts: &Counts) -> String {
    let mut text = format!(
        "{} examples, {} bytes, about {} tokens",
        counts.examples, counts.bytes, counts.tokens_estimate
    );
    for (count, what) in [
        (counts.skipped, "skipped as invalid"),
        (counts.duplicates, "there more than once"),
        (
            counts.overlong_examples,
            "probably longer than the model reads",
        ),
    ] {
        if count > 0 {
            let _infallible = write!(text, ", {count} {what}");
        }
    }
    text
}
