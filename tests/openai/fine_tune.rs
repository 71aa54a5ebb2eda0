use std::{
    collections::BTreeSet,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bullrs::{
    Result,
    testing::Recorder,
    worker::{CancelReason, JobPort, RawJob},
};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use crate::bench::{Bench, Job, JobPlan, Run, eventually};

const MODEL: &str = "gpt-4o-mini-2024-07-18";

fn rows() -> Vec<Value> {
    (0..10)
        .map(|n| json!({"prompt": format!("question {n}"), "completion": format!("answer {n}")}))
        .collect()
}

fn start_data() -> Value {
    json!({"rows": rows(), "model": MODEL, "suffix": "demo", "metadata": {"team": "a"}})
}

/// The same job at its next attempt, with what the last one left.
fn next_attempt(plan: &JobPlan, recorder: &Recorder, starts: u32) -> JobPlan {
    let mut next = plan.clone().with("ats", starts);
    if let Some(data) = recorder.data() {
        next.data = data;
    }
    match recorder.progress().pop() {
        Some(progress) => next.with("progress", progress),
        None => next,
    }
}

fn statuses(run: &Run) -> Vec<String> {
    let mut statuses: Vec<String> = run
        .progress
        .iter()
        .map(|json| {
            let progress: Value = serde_json::from_str(json).unwrap();
            progress["status"].as_str().unwrap().to_owned()
        })
        .collect();
    statuses.dedup();
    statuses
}

/// Rows that stand for the API's events: they begin with a time.
fn event_rows(log: &[String]) -> Vec<String> {
    let is_event = |row: &&String| row.starts_with("20");
    log.iter().filter(is_event).cloned().collect()
}

async fn event_count(bench: &Bench, id: &str) -> usize {
    let events = bench
        .api(&format!("fine_tuning/jobs/{id}/events?limit=100"))
        .await;
    events["data"].as_array().unwrap().len()
}

async fn created(bench: &Bench) -> Vec<Value> {
    bench.calls("POST", "fine_tuning/jobs").await
}

async fn wait_for_progress(recorder: &Recorder) {
    eventually("progress", || async { recorder.progress().pop() }).await;
}

/// How long each step of a remote job takes: long enough to be interrupted, or short.
const SLOW: u64 = 2000;
const FAST: u64 = 60;

async fn pace(bench: &Bench, step_ms: u64) {
    bench.control(json!({"fineTuneStepMs": step_ms})).await;
}

/// Runs the job until it has reported progress, then tells it to stop.
async fn interrupt(bench: &Bench, job: Job, reason: CancelReason) -> (Run, Arc<Recorder>) {
    let (raw, recorder) = (job.raw.clone(), Arc::clone(&job.recorder));
    let builtins = bench.builtins();
    let stop = async {
        wait_for_progress(&recorder).await;
        raw.cancel(reason);
    };
    let (run, ()) = tokio::join!(job.run(&builtins), stop);
    (run, recorder)
}

#[tokio::test]
async fn rows_are_uploaded_trained_on_and_followed_to_the_model() {
    let bench = Bench::start();
    let mut plan = JobPlan::raw(format!(
        r#"{{"z":1.50, "rows":{},"model":"{MODEL}","suffix":"demo","seed":7,"metadata":{{"team":"a"}}}}"#,
        json!(rows())
    ));
    plan = plan.with("timestamp", 1_767_225_600_123_u64);
    let original = plan.data.clone();
    let run = plan.job("fineTune", "start").run(&bench.builtins()).await;

    let mut value = run.value();
    let id = value["id"].as_str().unwrap().to_owned();
    let remote = bench.api(&format!("fine_tuning/jobs/{id}")).await;
    let (created_at, finished_at) = (value["createdAt"].take(), value["finishedAt"].take());
    assert!(created_at.as_i64().unwrap() <= finished_at.as_i64().unwrap());
    assert_eq!(
        value,
        json!({
            "id": id, "status": "succeeded", "model": MODEL,
            "fineTunedModel": remote["fine_tuned_model"], "trainedTokens": remote["trained_tokens"],
            "trainingFile": remote["training_file"], "validationFile": null,
            "resultFiles": remote["result_files"], "seed": 7,
            "createdAt": null, "finishedAt": null,
        })
    );
    assert!(
        value["fineTunedModel"]
            .as_str()
            .unwrap()
            .starts_with(&format!("ft:{MODEL}:"))
    );

    let created = created(&bench).await;
    assert_eq!(created.len(), 1);
    assert_eq!(
        created[0]["body"],
        json!({
            "model": MODEL, "training_file": remote["training_file"], "suffix": "demo", "seed": 7,
            "metadata": {"team": "a", "bullrs_job": "fineTune:42",
                         "bullrs_added": "1767225600123", "bullrs_run": "0"},
        })
    );
    assert_eq!(bench.calls("POST", "files").await.len(), 1);
    let file = bench
        .api(&format!(
            "files/{}",
            remote["training_file"].as_str().unwrap()
        ))
        .await;
    let name = file["filename"].as_str().unwrap();
    assert!(name.starts_with("bullrs-fineTune-42-"), "{name}");

    // Our ids come after the producer's fields, which stay byte for byte.
    let kept = format!(
        r#"{},"bullrs":{{"fineTune":{{"run":0,"trainingFile":{},"jobId":"{id}"}}}}}}"#,
        original
            .strip_suffix('}')
            .unwrap()
            .replace("1.50, ", "1.50,"),
        remote["training_file"],
    );
    assert_eq!(run.data.as_deref(), Some(kept.as_str()));

    let seen = statuses(&run);
    assert_eq!(
        seen.last().map(String::as_str),
        Some("succeeded"),
        "{seen:?}"
    );
    assert!(seen.contains(&"running".to_owned()), "{seen:?}");
    let last: Value = serde_json::from_str(run.progress.last().unwrap()).unwrap();
    assert_eq!(
        (
            &last["percent"],
            &last["step"],
            &last["totalSteps"],
            &last["fineTuneJobId"]
        ),
        (&json!(100), &json!(3), &json!(3), &json!(id))
    );
    let rows = event_rows(&run.log);
    assert_eq!(rows.len(), event_count(&bench, &id).await, "{rows:?}");
    assert!(
        rows[0].ends_with(&format!("Created fine-tuning job: {id}")),
        "{}",
        rows[0]
    );
    assert!(
        rows.iter()
            .any(|row| row.ends_with(" step 2/3, training loss 0.8")),
        "{rows:?}"
    );
}

#[tokio::test]
async fn after_a_shutdown_the_next_attempt_goes_on_with_the_same_job() {
    let bench = Bench::start();
    let plan = JobPlan::new(&start_data());
    let job = plan.clone().job("fineTune", "start");
    pace(&bench, SLOW).await;
    let (first, recorder) = interrupt(&bench, job, CancelReason::Shutdown).await;
    pace(&bench, FAST).await;
    assert_eq!(
        first.failure(),
        ("again".into(), "the worker is stopping".into())
    );
    assert!(
        first
            .log
            .last()
            .unwrap()
            .ends_with("running: the worker is stopping")
    );

    let plan = next_attempt(&plan, &recorder, 2);
    let second = plan.job("fineTune", "start").run(&bench.builtins()).await;
    let id = second.value()["id"].as_str().unwrap().to_owned();
    assert_eq!(second.log[0], format!("continues fine-tuning job {id}"));
    assert_eq!(created(&bench).await.len(), 1);
    assert_eq!(bench.calls("POST", "files").await.len(), 1);
    assert_eq!(
        bench
            .calls("POST", &format!("fine_tuning/jobs/{id}/cancel"))
            .await
            .len(),
        0
    );

    let rows = [event_rows(&first.log), event_rows(&second.log)].concat();
    assert!(!event_rows(&first.log).is_empty());
    assert_eq!(rows.len(), event_count(&bench, &id).await, "{rows:?}");
    assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), rows.len());

    // What has succeeded is not paid for again either.
    let again = next_attempt(
        &JobPlan::raw(second.data.unwrap_or(recorder.data().unwrap())),
        &recorder,
        3,
    );
    let third = again.job("fineTune", "start").run(&bench.builtins()).await;
    assert_eq!(third.value()["id"], id);
    assert_eq!(created(&bench).await.len(), 1);
}

#[tokio::test]
async fn a_lost_lock_leaves_the_remote_job_running() {
    let bench = Bench::start();
    let job = JobPlan::new(&start_data()).job("fineTune", "start");
    let reason = CancelReason::LockLost("held by another".into());
    pace(&bench, SLOW).await;
    let (run, _) = interrupt(&bench, job, reason).await;
    assert_eq!(
        run.failure(),
        ("again".into(), "lost the lock: held by another".into())
    );
    let jobs = bench.api("fine_tuning/jobs").await;
    assert_ne!(jobs["data"][0]["status"], "cancelled");
}

/// A Redis that takes everything but the job's data.
struct Forgetful(Arc<Recorder>, AtomicBool);

impl JobPort for Forgetful {
    fn progress<'a>(&'a self, job: &'a RawJob, json: String) -> BoxFuture<'a, Result<()>> {
        JobPort::progress(self.0.as_ref(), job, json)
    }

    fn log<'a>(&'a self, job: &'a RawJob, row: String) -> BoxFuture<'a, Result<u64>> {
        JobPort::log(self.0.as_ref(), job, row)
    }

    fn update_data<'a>(&'a self, job: &'a RawJob, json: String) -> BoxFuture<'a, Result<()>> {
        if self.1.load(Ordering::SeqCst) {
            return self.0.update_data(job, json);
        }
        Box::pin(async {
            Err(bullrs::Error::Redis {
                operation: "updateData",
                message: "connection refused".into(),
                transient: true,
                ambiguous: false,
            })
        })
    }

    fn children_values<'a>(
        &'a self,
        job: &'a RawJob,
    ) -> BoxFuture<'a, Result<Vec<(String, String)>>> {
        JobPort::children_values(self.0.as_ref(), job)
    }
}

fn forgetful(plan: &JobPlan) -> (Job, Arc<Forgetful>) {
    let recorder = Arc::new(Recorder::default());
    let port = Arc::new(Forgetful(Arc::clone(&recorder), AtomicBool::new(false)));
    let job = plan
        .clone()
        .job_on("fineTune", "start", recorder, Arc::clone(&port) as _);
    (job, port)
}

#[tokio::test]
async fn a_crash_before_the_id_was_saved_costs_no_second_job() {
    let bench = Bench::start();
    let plan = JobPlan::new(&start_data());
    let (job, _port) = forgetful(&plan);
    let recorder = Arc::clone(&job.recorder);
    let builtins = bench.builtins();
    pace(&bench, SLOW).await;
    tokio::select! {
        run = job.run(&builtins) => panic!("{run:?}"),
        () = wait_for_progress(&recorder) => {}
    }
    pace(&bench, FAST).await;
    assert_eq!(recorder.data(), None);
    assert_eq!(created(&bench).await.len(), 1);

    let second = plan.with("ats", 2).with("stc", 1).job("fineTune", "start");
    let second = second.run(&bench.builtins()).await;
    let id = second.value()["id"].as_str().unwrap().to_owned();
    assert_eq!(second.log[0], format!("found fine-tuning job {id} again"));
    assert_eq!(created(&bench).await.len(), 1);
    assert_eq!(bench.calls("POST", "files").await.len(), 1);
}

#[tokio::test]
async fn a_crash_between_upload_and_creation_costs_no_second_upload() {
    let bench = Bench::start();
    bench
        .control(json!({"next": [
            {"path": "/v1/fine_tuning/jobs", "method": "POST", "hang": true}]}))
        .await;
    let plan = JobPlan::new(&start_data());
    let (job, _port) = forgetful(&plan);
    let builtins = bench.builtins();
    tokio::select! {
        run = job.run(&builtins) => panic!("{run:?}"),
        _ = eventually("the creating call", || async { created(&bench).await.pop() }) => {}
    }
    let second = plan.with("ats", 2).job("fineTune", "start");
    let second = second.run(&bench.builtins()).await;
    assert_eq!(second.value()["status"], "succeeded");
    assert!(
        second.log[0].ends_with(", uploaded before"),
        "{}",
        second.log[0]
    );
    assert_eq!(bench.calls("POST", "files").await.len(), 1);
    assert_eq!(
        bench.api("fine_tuning/jobs").await["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn ids_that_could_not_be_saved_are_saved_once_redis_is_back() {
    let bench = Bench::start();
    let (job, port) = forgetful(&JobPlan::new(&start_data()));
    let recorder = Arc::clone(&job.recorder);
    let builtins = bench.builtins();
    pace(&bench, SLOW).await;
    let back = async {
        wait_for_progress(&recorder).await;
        port.1.store(true, Ordering::SeqCst);
        pace(&bench, FAST).await;
    };
    let (run, ()) = tokio::join!(job.run(&builtins), back);
    let data: Value = serde_json::from_str(run.data.as_ref().unwrap()).unwrap();
    assert_eq!(data["bullrs"]["fineTune"]["jobId"], run.value()["id"]);
}

#[tokio::test]
async fn a_job_of_the_same_name_and_id_added_at_another_time_is_not_ours() {
    let bench = Bench::start();
    let plan = JobPlan::new(&start_data());
    let old = plan
        .clone()
        .job("fineTune", "start")
        .run(&bench.builtins())
        .await;
    let new = plan.with("timestamp", 1_798_761_600_000_u64).with("ats", 2);
    let new = new.job("fineTune", "start").run(&bench.builtins()).await;
    assert_ne!(old.value()["id"], new.value()["id"]);
    assert_eq!(created(&bench).await.len(), 2);
}

#[tokio::test]
async fn a_person_who_cancels_cancels_the_remote_job_and_may_start_another() {
    let bench = Bench::start();
    let plan = JobPlan::new(&start_data());
    let job = plan.clone().job("fineTune", "start");
    let reason = CancelReason::Requested("too expensive".into());
    pace(&bench, SLOW).await;
    let (first, recorder) = interrupt(&bench, job, reason).await;
    pace(&bench, FAST).await;
    assert_eq!(first.failure().1, "cancelled: too expensive");
    let jobs = bench.api("fine_tuning/jobs").await;
    let id = jobs["data"][0]["id"].as_str().unwrap();
    assert_eq!(jobs["data"][0]["status"], "cancelled");
    assert_eq!(
        first.log.last().unwrap(),
        &format!("cancelled fine-tuning job {id}")
    );

    let plan = next_attempt(&plan, &recorder, 2);
    let second = plan.job("fineTune", "start").run(&bench.builtins()).await;
    assert_ne!(second.value()["id"], id);
    let created = created(&bench).await;
    assert_eq!(created.len(), 2);
    assert_eq!(created[1]["body"]["metadata"]["bullrs_run"], "1");
    assert_eq!(bench.calls("POST", "files").await.len(), 1);
}

#[tokio::test]
async fn cancelling_during_the_creating_call_still_cancels_what_it_made() {
    let bench = Bench::start();
    bench
        .control(json!({"next": [
            {"path": "/v1/fine_tuning/jobs", "method": "POST", "delayMs": 1500}]}))
        .await;
    let job = JobPlan::new(&start_data()).job("fineTune", "start");
    let raw = job.raw.clone();
    let builtins = bench.builtins();
    let stop = async {
        eventually("the creating call", || async {
            created(&bench).await.pop()
        })
        .await;
        raw.cancel(CancelReason::Requested("no".into()));
    };
    let (run, ()) = tokio::join!(job.run(&builtins), stop);
    assert_eq!(run.failure().1, "cancelled: no");
    let jobs = bench.api("fine_tuning/jobs").await;
    assert_eq!(jobs["data"].as_array().unwrap().len(), 1);
    assert_eq!(jobs["data"][0]["status"], "cancelled");
}

#[tokio::test]
async fn a_remote_failure_fails_the_job_for_good_and_a_retry_starts_another() {
    let bench = Bench::start();
    bench
        .control(json!({"failFineTune": {"code": "server_error", "message": "The job broke."}}))
        .await;
    let plan = JobPlan::new(&start_data());
    let first = plan.clone().job("fineTune", "start");
    let recorder = Arc::clone(&first.recorder);
    let first = first.run(&bench.builtins()).await;
    let id = bench.api("fine_tuning/jobs").await["data"][0]["id"].take();
    assert_eq!(
        first.failure(),
        (
            "for good".into(),
            format!(
                "fine-tuning job {} failed (server_error): The job broke.",
                id.as_str().unwrap()
            )
        )
    );
    assert_eq!(statuses(&first).last().unwrap(), "failed");

    bench.control(json!({"failFineTune": false})).await;
    let plan = next_attempt(&plan, &recorder, 2).with("atm", 1);
    let second = plan.job("fineTune", "start").run(&bench.builtins()).await;
    assert_ne!(second.value()["id"], id);
    assert_eq!(
        created(&bench).await[1]["body"]["metadata"]["bullrs_run"],
        "1"
    );
}

#[tokio::test]
async fn the_api_being_away_for_a_while_does_not_fail_what_is_training() {
    let bench = Bench::start();
    bench
        .control(json!({"next": [
            {"path": "/v1/fine_tuning/jobs/", "status": 502, "skip": 2, "times": 2},
            {"path": "/v1/fine_tuning/jobs/", "reset": true},
            {"path": "/v1/fine_tuning/jobs/", "status": 429, "retryAfterMs": 30}]}))
        .await;
    let run = bench.run("fineTune", "start", &start_data()).await;
    assert_eq!(run.value()["status"], "succeeded");
    assert_eq!(created(&bench).await.len(), 1);
}

#[tokio::test]
async fn an_overload_when_creating_delays_the_job_and_keeps_the_file() {
    let bench = Bench::start();
    bench
        .control(json!({"next": [
            {"path": "/v1/fine_tuning/jobs", "method": "POST", "status": 429, "retryAfter": 5}]}))
        .await;
    let plan = JobPlan::new(&start_data());
    let job = plan.clone().job("fineTune", "start");
    let recorder = Arc::clone(&job.recorder);
    let run = job.run(&bench.builtins()).await;
    assert_eq!(run.delay().as_secs(), 5);
    let second = next_attempt(&plan, &recorder, 2).job("fineTune", "start");
    assert_eq!(
        second.run(&bench.builtins()).await.value()["status"],
        "succeeded"
    );
    assert_eq!(bench.calls("POST", "files").await.len(), 1);
    assert_eq!(bench.calls("GET", "files").await.len(), 0);
}

#[tokio::test]
async fn an_exported_file_is_trained_on_and_no_other_is_read() {
    let bench = Bench::start();
    let exported = bench
        .run("fineTune", "export", &json!({"rows": rows()}))
        .await
        .value();
    let builtins = bench.builtins();
    let start = async |id: &str, data: Value| {
        let mut plan = JobPlan::new(&data);
        plan.id = id.into();
        plan.job("fineTune", "start").run(&builtins).await
    };
    for path in ["path", "fileName"] {
        let data = json!({"model": MODEL, "trainingPath": exported[path]});
        assert_eq!(start(path, data).await.value()["status"], "succeeded");
    }
    assert_eq!(created(&bench).await.len(), 2);
    let outside = bench.exports.path().join("outside.jsonl");
    fs::write(&outside, "{}").unwrap();
    let data = json!({"model": MODEL, "trainingPath": outside});
    let (rule, text) = start("outside", data).await.failure();
    assert_eq!(rule, "for good");
    assert!(
        text.starts_with(
            "cannot read data: at `trainingPath`: it is outside of the export directory `"
        ),
        "{text}"
    );
    fs::write(
        bench.exports.path().join("exports/bad.jsonl"),
        "{\n\nnot json\n",
    )
    .unwrap();
    let data = json!({"model": MODEL, "path": "bad.jsonl"});
    assert_eq!(
        start("bad", data).await.failure(),
        (
            "for good".into(),
            "2 of 2 examples are invalid: line 1: not_json: the line must be JSON; \
             line 3: not_json: the line must be JSON"
                .into()
        )
    );
}

#[tokio::test]
async fn invalid_examples_or_input_fail_before_anything_is_uploaded() {
    let bench = Bench::start();
    for (data, text) in [
        (
            json!({"model": MODEL, "rows": [{"prompt": "a"}]}),
            "1 of 1 examples are invalid: line 1: completion_missing: \
             `completion` must be a text that is not empty",
        ),
        (
            json!({"model": MODEL, "rows": []}),
            "the file has 0 valid examples; fine-tuning needs at least 10",
        ),
        (
            json!({"rows": []}),
            "cannot read data: missing field `model` at line 1 column 11",
        ),
        (
            json!({"model": MODEL, "trainingFile": "f", "bullrs": {"fineTune": {"run": "x"}}}),
            "cannot read `bullrs.fineTune` of the data: at `run`: invalid type, expected u32 \
             at line 1 column 10",
        ),
    ] {
        let run = bench.run("fineTune", "start", &data).await;
        assert_eq!(run.failure(), ("for good".into(), text.into()));
    }
    assert_eq!(bench.calls("POST", "files").await.len(), 0);
    assert_eq!(created(&bench).await.len(), 0);
}

#[tokio::test]
async fn cancel_ends_a_job_once_and_says_so_each_time() {
    let bench = Bench::start();
    pace(&bench, 60_000).await;
    let job = JobPlan::new(&start_data()).job("fineTune", "start");
    let (_, _) = interrupt(&bench, job, CancelReason::Shutdown).await;
    let id = bench.api("fine_tuning/jobs").await["data"][0]["id"].take();
    let data = json!({"fineTuneJobId": id});
    for _ in 0..2 {
        let run = bench.run("fineTune", "cancel", &data).await;
        assert_eq!(run.value(), json!({"id": id, "status": "cancelled"}));
    }
}

#[tokio::test]
async fn what_has_succeeded_or_does_not_exist_cannot_be_cancelled() {
    let bench = Bench::start();
    let id = bench.run("fineTune", "start", &start_data()).await.value()["id"].take();
    let (rule, text) = bench
        .run("fineTune", "cancel", &json!({"fineTuneJobId": id}))
        .await
        .failure();
    assert_eq!(rule, "for good");
    let start = format!(
        "POST /fine_tuning/jobs/:id/cancel answered 400 (invalid_request_error): Job has already \
         completed: {} has status: succeeded (request ",
        id.as_str().unwrap()
    );
    assert!(text.starts_with(&start), "{text}");

    for (id, text) in [
        (
            "ftjob-none",
            "POST /fine_tuning/jobs/:id/cancel answered 404 (fine_tune_not_found): ",
        ),
        (
            "../files",
            "cannot read data: at `fineTuneJobId`: must be the id of a fine-tuning job",
        ),
        (
            "..",
            "cannot read data: at `fineTuneJobId`: must be the id of a fine-tuning job",
        ),
    ] {
        let data = json!({"fineTuneJobId": id});
        let (rule, said) = bench.run("fineTune", "cancel", &data).await.failure();
        assert_eq!(rule, "for good");
        assert!(said.starts_with(text), "{said}");
    }
}
