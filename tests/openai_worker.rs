//! The built-in processors run by a real worker on a real Redis, against the stand-in API.
#![cfg(feature = "processors")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[path = "openai/bench.rs"]
mod bench;
mod support;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bench::Bench;
use bullrs::{
    processor::{Builtins, Resolver, StoreRecap, Table},
    store::{JobRecorder, JobRecorderOptions, NewJob, Status, Store},
    worker::Running,
};
use redis::AsyncCommands;
use serde_json::{Value, json};
use support::{Rig, eventually, within};
use tokio::runtime::Handle;

const MODEL: &str = "gpt-4o-mini-2024-07-18";

/// A worker for one queue that has nothing but the built-ins.
async fn start(rig: &Rig, bench: &Bench, queue: &str) -> Running {
    let resolver = Resolver::new()
        .then(Table::config())
        .then(Table::files(None))
        .then(bench.builtins());
    let worker = rig
        .client
        .worker(queue)
        .fallback(Arc::new(resolver))
        .drain(Duration::ZERO)
        .build()
        .unwrap();
    worker.start().await.unwrap()
}

async fn stop(running: Running) -> bullrs::Report {
    running.control().stop();
    within("the worker to stop", running.finished()).await
}

async fn hash(rig: &Rig, queue: &str, id: &str) -> BTreeMap<String, String> {
    let key = format!("{}:{queue}:{id}", rig.prefix);
    rig.redis.clone().hgetall(key).await.unwrap()
}

async fn wait_for(rig: &Rig, queue: &str, id: &str, state: &str) {
    eventually(&format!("job {id} to be {state}"), || async {
        rig.client.queue(queue).job(id).state().await.unwrap() == state
    })
    .await;
}

async fn logs(rig: &Rig, queue: &str, id: &str) -> Vec<String> {
    let key = format!("{}:{queue}:{id}:logs", rig.prefix);
    rig.redis.clone().lrange(key, 0, -1).await.unwrap()
}

#[tokio::test]
async fn a_rate_limited_job_waits_as_delayed_and_keeps_its_only_attempt() {
    let (rig, bench) = (Rig::start().await, Bench::start());
    bench
        .next_chat(json!({"status": 429, "retryAfter": 2}))
        .await;
    let queue = rig.client.queue("content");
    let job = queue
        .add("generate", json!({"prompt": "Hi"}))
        .attempts(1)
        .await
        .unwrap();
    let worker = start(&rig, &bench, "content").await;
    wait_for(&rig, "content", job.id(), "delayed").await;
    let fields = hash(&rig, "content", job.id()).await;
    assert_eq!(fields.get("atm").map_or("0", String::as_str), "0");
    assert_eq!(fields["ats"], "1");
    assert_eq!(fields.get("failedReason"), None);

    wait_for(&rig, "content", job.id(), "completed").await;
    let fields = hash(&rig, "content", job.id()).await;
    assert_eq!((fields["atm"].as_str(), fields["ats"].as_str()), ("1", "2"));
    let value: Value = serde_json::from_str(&fields["returnvalue"]).unwrap();
    assert_eq!(value["finishReason"], "stop");
    let report = stop(worker).await;
    assert_eq!((report.completed, report.failed, report.retried), (1, 0, 0));
}

#[tokio::test]
async fn what_cannot_work_fails_at_once_and_what_may_is_tried_again() {
    let (rig, bench) = (Rig::start().await, Bench::start());
    let queue = rig.client.queue("content");
    let hopeless = queue
        .add("generate", json!({"prompt": "Hi", "model": "gpt-99"}))
        .attempts(3)
        .await
        .unwrap();
    let unknown = queue.add("resize", json!({})).attempts(3).await.unwrap();
    let worker = start(&rig, &bench, "content").await;
    wait_for(&rig, "content", hopeless.id(), "failed").await;
    wait_for(&rig, "content", unknown.id(), "failed").await;
    let fields = hash(&rig, "content", hopeless.id()).await;
    assert_eq!(fields["atm"], "1");
    assert!(
        fields["failedReason"].starts_with(
            "POST /chat/completions answered 404 (model_not_found): The model `gpt-99` does not \
             exist or you do not have access to it. (request req_"
        ),
        "{}",
        fields["failedReason"]
    );
    let fields = hash(&rig, "content", unknown.id()).await;
    assert_eq!(fields["atm"], "1");
    assert_eq!(
        fields["failedReason"],
        "no processor for job `resize` of queue `content`; looked for \
         `[queues.content.jobs.resize]` and `[queues.content]` in the config, then a file (there \
         is no directory of processors), then a built-in (`content` has `generate`, `recap`)"
    );

    bench.next_chat(json!({"cutAfterChunks": 2})).await;
    let cut = queue
        .add("generate", json!({"prompt": "Hi"}))
        .attempts(2)
        .await
        .unwrap();
    wait_for(&rig, "content", cut.id(), "completed").await;
    assert_eq!(hash(&rig, "content", cut.id()).await["atm"], "2");
    stop(worker).await;
}

#[tokio::test]
async fn a_fine_tuning_goes_on_in_the_next_worker_and_is_paid_for_once() {
    let (rig, bench) = (Rig::start().await, Bench::start());
    bench.control(json!({"fineTuneStepMs": 2000})).await;
    let rows: Vec<Value> = (0..10)
        .map(|n| json!({"prompt": format!("question {n}"), "completion": format!("answer {n}")}))
        .collect();
    let job = rig
        .client
        .queue("fineTune")
        .add("start", json!({"model": MODEL, "rows": rows}))
        .attempts(1)
        .await
        .unwrap();
    let id = job.id();
    let first = start(&rig, &bench, "fineTune").await;
    eventually("the first progress", || async {
        hash(&rig, "fineTune", id).await.contains_key("progress")
    })
    .await;
    let report = stop(first).await;
    assert_eq!((report.released, report.failed), (1, 0));
    let fields = hash(&rig, "fineTune", id).await;
    let data: Value = serde_json::from_str(&fields["data"]).unwrap();
    let remote = data["bullrs"]["fineTune"]["jobId"].as_str().unwrap();

    bench.control(json!({"fineTuneStepMs": 60})).await;
    let second = start(&rig, &bench, "fineTune").await;
    wait_for(&rig, "fineTune", id, "completed").await;
    stop(second).await;
    let fields = hash(&rig, "fineTune", id).await;
    let value: Value = serde_json::from_str(&fields["returnvalue"]).unwrap();
    assert_eq!(value["id"], remote);
    assert_eq!(fields["atm"], "1");
    let progress: Value = serde_json::from_str(&fields["progress"]).unwrap();
    assert_eq!(
        (&progress["status"], &progress["percent"]),
        (&json!("succeeded"), &json!(100))
    );
    assert_eq!(bench.calls("POST", "fine_tuning/jobs").await.len(), 1);
    assert_eq!(bench.calls("POST", "files").await.len(), 1);

    let events = bench
        .api(&format!("fine_tuning/jobs/{remote}/events?limit=100"))
        .await;
    let rows = logs(&rig, "fineTune", id).await;
    let of_events = rows.iter().filter(|row| row.starts_with("20")).count();
    assert_eq!(
        of_events,
        events["data"].as_array().unwrap().len(),
        "{rows:?}"
    );
}

/// A row as an app makes it, and its job.
async fn add_with_row(rig: &Rig, store: &Store, row: &str, name: &str, mut data: Value) -> String {
    let made = NewJob {
        id: row.into(),
        queue: "content".into(),
        name: name.into(),
        payload: None,
        max_attempts: 1,
        at: jiff::Timestamp::now().as_millisecond(),
    };
    assert!(store.insert(&made).await.unwrap());
    data["contentJobId"] = row.into();
    let job = rig.client.queue("content").add(name, data).await.unwrap();
    job.id().to_owned()
}

async fn wait_for_row(store: &Store, row: &str, status: Status) {
    eventually(&format!("row {row} to be {status}"), || async {
        store.job(row).await.unwrap().unwrap().status == status
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recap_sums_up_what_the_worker_did_before() {
    let (rig, bench) = (Rig::start().await, Bench::start());
    let folder = tempfile::tempdir().unwrap();
    let url = folder.path().join("jobs.db");
    let store = Store::open(url.to_str().unwrap()).await.unwrap();
    let options = JobRecorderOptions::default();
    let recorder = JobRecorder::start(store.clone(), None, options, &Handle::current()).unwrap();
    let recorder = Arc::new(recorder);
    let recap = StoreRecap::new(store.clone(), &Handle::current());
    let builtins = Builtins::new(bench.options(), Some(Arc::new(recap)));
    let worker = rig.client.worker("content");
    let worker = worker
        .fallback(Arc::new(Resolver::new().then(builtins)))
        .observer(Arc::clone(&recorder) as _)
        .build()
        .unwrap();
    let running = worker.start().await.unwrap();

    // Long before the window, and in another queue.
    for (id, queue, at) in [
        ("old", "content", 1),
        ("else", "mail", jiff::Timestamp::now().as_millisecond()),
    ] {
        let row = NewJob {
            id: id.into(),
            queue: queue.into(),
            name: "generate".into(),
            payload: None,
            max_attempts: 1,
            at,
        };
        assert!(store.insert(&row).await.unwrap());
    }
    let prompt = json!({"prompt": "Say s3cret"});
    add_with_row(&rig, &store, "one", "generate", prompt.clone()).await;
    add_with_row(&rig, &store, "two", "generate", prompt).await;
    let broken = json!({"prompt": "Say s3cret", "model": "gpt-99"});
    let broken = add_with_row(&rig, &store, "three", "generate", broken).await;
    wait_for_row(&store, "one", Status::Succeeded).await;
    wait_for_row(&store, "two", Status::Succeeded).await;
    wait_for_row(&store, "three", Status::Failed).await;
    bench
        .control(json!({"reply": "Two texts, one failure."}))
        .await;
    let asked = json!({"window": "1h", "queue": "content"});
    let id = add_with_row(&rig, &store, "recap", "recap", asked).await;
    wait_for_row(&store, "recap", Status::Succeeded).await;
    stop(running).await;
    assert_eq!(recorder.flush(support::DEADLINE).await, 0);

    let fields = hash(&rig, "content", &id).await;
    let value: Value = serde_json::from_str(&fields["returnvalue"]).unwrap();
    assert_eq!(value["content"], "Two texts, one failure.");
    assert_eq!(value["jobs"], 3);
    let failed = store.job("three").await.unwrap().unwrap();
    let mut took = 0;
    for id in ["one", "two", "three"] {
        let row = store.job(id).await.unwrap().unwrap();
        took += row.finished_at.unwrap() - row.started_at.unwrap();
    }
    // Rounded, halves up.
    let mean = (took * 2 + 3) / 6;
    assert_eq!(
        value["summary"],
        json!({
            "groups": [{
                "queue": "content",
                "name": "generate",
                "succeeded": 2,
                "failed": 1,
                "cancelled": 0,
                "unfinished": 0,
                "retries": 0,
                "meanDurationMs": mean,
            }],
            "failures": [{
                "queue": "content",
                "name": "generate",
                "jobId": broken,
                "at": failed.finished_at,
                "attempts": 1,
                "error": failed.error.unwrap(),
            }],
        })
    );
    let calls = bench.calls("POST", "chat/completions").await;
    let seen = calls.last().unwrap()["body"]["messages"][1]["content"].as_str();
    let seen = seen.unwrap();
    let (_, facts) = seen.split_once('\n').unwrap();
    let facts: Value = serde_json::from_str(facts).unwrap();
    assert_eq!(facts, value["summary"]);
    assert!(!seen.contains("s3cret"), "{seen}");
    store.close().await;
}
