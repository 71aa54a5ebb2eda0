//! A worker on a real Redis with a recorder: what the app sees in its database.
#![cfg(feature = "store")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use std::{sync::Arc, time::Duration};

use bullrs::{
    Job, JobResult,
    store::{JobRecorder, JobRecorderOptions, JobRow, Keyring, NewJob, Status, Store, Timeline},
    worker::Running,
};
use serde_json::{Value, json};
use support::{Rig, eventually, within};
use tokio::{runtime::Handle, sync::mpsc};

const KEYS: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A Redis prefix, a SQLite file, and the recorder between them.
struct Bench {
    rig: Rig,
    store: Store,
    recorder: Arc<JobRecorder>,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("jobs.db");
        let store = Store::open(file.to_str().unwrap()).await.unwrap();
        let recorder = JobRecorder::start(
            store.clone(),
            Some(Keyring::parse(KEYS).unwrap()),
            JobRecorderOptions::default(),
            &Handle::current(),
        );
        Self {
            rig: Rig::start().await,
            store,
            recorder: Arc::new(recorder.unwrap()),
            _folder: folder,
        }
    }

    /// What a server action does: a row with a sealed payload.
    async fn insert(&self, id: &str) {
        let keyring = Keyring::parse(KEYS).unwrap();
        let payload = keyring.encrypt(id, r#"{"topic":"tea"}"#).unwrap();
        let job = NewJob {
            id: id.into(),
            queue: "q".into(),
            name: "generate".into(),
            payload: Some(payload),
            max_attempts: 2,
            at: 1,
        };
        assert!(self.store.insert(&job).await.unwrap());
    }

    async fn row(&self, id: &str) -> JobRow {
        self.store.job(id).await.unwrap().unwrap()
    }

    async fn wait_for(&self, id: &str, status: Status) {
        eventually(&format!("row {id} to be {status}"), || async {
            self.row(id).await.status == status
        })
        .await;
    }

    async fn events(&self, id: &str) -> Vec<String> {
        let events = self.store.events(&Timeline::row(id), 0, 100).await.unwrap();
        events.into_iter().map(|event| event.event).collect()
    }

    async fn stop(&self, running: Running) {
        running.control().stop();
        within("the worker to stop", running.finished()).await;
        assert_eq!(self.recorder.flush(support::DEADLINE).await, 0);
    }
}

/// Fails the first attempt, then writes about the topic of the payload.
async fn generate(job: Job<Value>) -> JobResult<Value> {
    job.progress(json!({ "message": "thinking" })).await?;
    if job.attempt() == 1 {
        return Err("the model is tired".into());
    }
    let payload: Value = job.raw().payload().ok_or("no payload")?.json()?;
    Ok(json!({ "text": format!("about {}", payload["topic"]) }))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_row_follows_the_job_over_a_failure_to_its_result() {
    let bench = Bench::start().await;
    bench.insert("c1").await;
    let data = json!({ "contentJobId": "c1" });
    let added = bench.rig.queue().add("generate", data).attempts(2).await;
    let job_id = added.unwrap().id().to_owned();
    let worker = bench
        .rig
        .client
        .worker("q")
        .handle("generate", generate)
        .observer(bench.recorder.clone())
        .build();
    let running = worker.unwrap().start().await.unwrap();
    bench.wait_for("c1", Status::Succeeded).await;
    bench.stop(running).await;

    let row = bench.row("c1").await;
    assert_eq!(row.job_id.as_deref(), Some(job_id.as_str()));
    assert_eq!(row.result.unwrap().get(), r#"{"text":"about \"tea\""}"#);
    assert_eq!(row.progress.unwrap().get(), r#"{"message":"thinking"}"#);
    assert_eq!(
        (row.attempts_made, row.attempts_started, row.max_attempts),
        (2, 2, 2)
    );
    assert_eq!(row.error, None);
    let hash = bench.rig.hash(&job_id).await;
    let time = |field: &str| hash[field].parse::<i64>().ok();
    // The failed attempt put it back into the queue.
    assert!(row.queued_at >= time("timestamp"));
    assert_eq!(row.started_at, time("processedOn"));
    assert!(row.finished_at >= row.started_at);
    assert!(
        !hash
            .values()
            .any(|value| value.contains("tea") && !value.contains("about"))
    );
    assert_eq!(
        bench.events("c1").await,
        [
            "active",
            "progress",
            "retrying",
            "active",
            "progress",
            "completed"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_handed_back_at_shutdown_is_queued_and_finished_by_the_next_worker() {
    let bench = Bench::start().await;
    bench.insert("c1").await;
    let data = json!({ "contentJobId": "c1" });
    bench.rig.queue().add("generate", data).await.unwrap();
    let (told, mut started) = mpsc::unbounded_channel();
    let endless = move |job: Job<Value>| {
        let told = told.clone();
        async move {
            told.send(()).unwrap();
            Err::<(), _>(job.cancelled().await)
        }
    };
    let worker = bench
        .rig
        .client
        .worker("q")
        .handle("generate", endless)
        .observer(bench.recorder.clone())
        .drain(Duration::ZERO)
        .build();
    let running = worker.unwrap().start().await.unwrap();
    within("the job to start", started.recv()).await.unwrap();
    assert_eq!(bench.row("c1").await.status, Status::Active);
    bench.stop(running).await;
    let row = bench.row("c1").await;
    assert_eq!((row.status, row.attempts_made), (Status::Queued, 0));
    assert_eq!((row.started_at, row.finished_at), (None, None));

    let done = |_: Job<Value>| async { JobResult::Ok("done") };
    let worker = bench
        .rig
        .client
        .worker("q")
        .handle("generate", done)
        .observer(bench.recorder.clone())
        .build();
    let running = worker.unwrap().start().await.unwrap();
    bench.wait_for("c1", Status::Succeeded).await;
    bench.stop(running).await;
    let row = bench.row("c1").await;
    assert_eq!((row.attempts_made, row.attempts_started), (1, 2));
    assert_eq!(
        bench.events("c1").await,
        ["active", "released", "active", "completed"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_does_not_open_fails_the_job_for_good_without_running_it() {
    let bench = Bench::start().await;
    bench.insert("other").await;
    bench.insert("c1").await;
    // The payload of another row.
    let moved = bench.store.payload("other").await.unwrap().unwrap();
    let job = NewJob {
        id: "c2".into(),
        queue: "q".into(),
        name: "generate".into(),
        payload: Some(moved),
        max_attempts: 5,
        at: 1,
    };
    assert!(bench.store.insert(&job).await.unwrap());
    let data = json!({ "contentJobId": "c2" });
    let added = bench.rig.queue().add("generate", data).attempts(5).await;
    let added = added.unwrap();
    let never = |_: Job<Value>| async { JobResult::Ok("it ran") };
    let worker = bench
        .rig
        .client
        .worker("q")
        .handle("generate", never)
        .observer(bench.recorder.clone())
        .build();
    let running = worker.unwrap().start().await.unwrap();
    bench.wait_for("c2", Status::Failed).await;
    assert_eq!(bench.rig.state(added.id()).await, "failed");
    bench.stop(running).await;
    let row = bench.row("c2").await;
    assert_eq!(
        row.error.as_deref(),
        Some("the payload of content_jobs row `c2`, sealed under key `k1`, could not be decrypted")
    );
    assert_eq!((row.attempts_made, row.attempts_started), (1, 1));
}
