//! Redis goes away while jobs run; nothing is lost and nothing runs twice.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bullrs::{Job, JobResult};
use serde_json::{Value, json};
use support::{Rig, Server, eventually, proxy::Proxy, within};
use tokio::sync::Notify;

/// A handler that counts its runs and ends when told.
fn gated(
    runs: &Arc<AtomicUsize>,
    gate: &Arc<Notify>,
) -> impl Fn(Job<Value>) -> futures_util::future::BoxFuture<'static, JobResult<&'static str>>
+ Send
+ Sync
+ 'static {
    let (runs, gate) = (Arc::clone(runs), Arc::clone(gate));
    move |_| {
        runs.fetch_add(1, Ordering::SeqCst);
        let gate = Arc::clone(&gate);
        Box::pin(async move {
            gate.notified().await;
            Ok("done")
        })
    }
}

// PEERS A1 #5: a result was thrown away when Redis was down at that moment, and the job ran twice.
#[tokio::test]
async fn an_outcome_of_an_outage_is_written_once_redis_is_back() {
    let mut server = Server::start(true);
    let rig = Rig::on(&server.url()).await;
    rig.queue().add("x", json!({})).await.unwrap();
    let (runs, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let worker = rig
        .client
        .worker("q")
        .handle("x", gated(&runs, &gate))
        .build()
        .unwrap();
    let running = worker.start().await.unwrap();
    rig.wait_for_state("1", "active").await;

    server.kill();
    gate.notify_one();
    eventually("the worker to notice", || async {
        !running.control().is_ready()
    })
    .await;
    server.restart();

    let again = Rig::on(&server.url()).await;
    let key = format!("{}:q:completed", rig.prefix);
    eventually("the outcome to be written", || async {
        let mut redis = again.redis.clone();
        redis::cmd("ZSCORE")
            .arg(&key)
            .arg("1")
            .query_async::<Option<f64>>(&mut redis)
            .await
            .unwrap()
            .is_some()
    })
    .await;
    eventually("the worker to be ready", || async {
        running.control().is_ready()
    })
    .await;

    // Fetching resumes by itself.
    let client = again.client.clone().prefix(rig.prefix.clone());
    client.queue("q").add("x", json!({})).await.unwrap();
    eventually("the next job to start", || async {
        runs.load(Ordering::SeqCst) == 2
    })
    .await;
    gate.notify_one();
    running.control().stop();
    let report = within("the worker to stop", running.finished()).await;
    assert_eq!((report.completed, report.lost, report.abandoned), (2, 0, 0));
}

#[tokio::test]
async fn an_outcome_whose_reply_was_lost_counts_once() {
    let server = Server::start(false);
    let proxy = Proxy::start(server.port).await;
    let rig = Rig::on(&server.url()).await;
    rig.queue().add("x", json!({})).await.unwrap();
    let (runs, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let client = bullrs::Client::connect(&proxy.url())
        .await
        .unwrap()
        .prefix(rig.prefix.clone());
    let worker = client
        .worker("q")
        .handle("x", gated(&runs, &gate))
        .build()
        .unwrap();
    let running = worker.start().await.unwrap();
    rig.wait_for_state("1", "active").await;
    proxy.cut_reply_to("completed");
    gate.notify_one();
    rig.wait_for_state("1", "completed").await;
    eventually("the reply to be cut", || async { proxy.was_cut() }).await;
    running.control().stop();
    let report = within("the worker to stop", running.finished()).await;
    assert_eq!((report.completed, report.lost, report.abandoned), (1, 0, 0));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    assert_eq!(rig.events("1").await, ["waiting", "active", "completed"]);
}

#[tokio::test]
async fn a_claim_whose_reply_was_lost_is_handed_back_at_once() {
    let server = Server::start(false);
    let proxy = Proxy::start(server.port).await;
    let rig = Rig::on(&server.url()).await;
    let (runs, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let client = bullrs::Client::connect(&proxy.url())
        .await
        .unwrap()
        .prefix(rig.prefix.clone());
    let worker = client
        .worker("q")
        .handle("x", gated(&runs, &gate))
        .build()
        .unwrap();
    proxy.cut_reply_to(":marker");
    for _ in 0..3 {
        rig.queue().add("x", json!({})).await.unwrap();
        gate.notify_one();
    }
    let running = worker.start().await.unwrap();
    for id in ["1", "2", "3"] {
        eventually("the job to run", || async {
            gate.notify_one();
            rig.state(id).await == "completed"
        })
        .await;
    }
    running.control().stop();
    let report = within("the worker to stop", running.finished()).await;
    assert_eq!((report.completed, report.lost), (3, 0));
    assert_eq!(runs.load(Ordering::SeqCst), 3);
    for id in ["1", "2", "3"] {
        assert!(!rig.hash(id).await.contains_key("stc"), "job {id} stalled");
    }
}

#[tokio::test]
async fn a_job_that_cannot_be_renewed_in_time_is_told_to_stop() {
    let server = Server::start(false);
    let proxy = Proxy::start(server.port).await;
    let rig = Rig::on(&server.url()).await;
    rig.queue().add("x", json!({})).await.unwrap();
    let client = bullrs::Client::connect(&proxy.url())
        .await
        .unwrap()
        .prefix(rig.prefix.clone());
    let (told, mut reasons) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |job: Job<Value>| {
        let told = told.clone();
        async move {
            told.send("started".into()).unwrap();
            told.send(job.cancelled().await.to_string()).unwrap();
            JobResult::Ok(())
        }
    };
    let builder = client
        .worker("q")
        .lock(Duration::from_secs(2))
        .handle("x", handler);
    let running = builder.build().unwrap().start().await.unwrap();
    let started: String = within("the handler", reasons.recv()).await.unwrap();
    assert_eq!(started, "started");
    proxy.cut_all(true);
    let reason = within("the cancellation", reasons.recv()).await.unwrap();
    assert!(
        reason.starts_with("lost the lock: it could not be renewed in time ("),
        "{reason}"
    );
    proxy.cut_all(false);
    running.control().stop();
    let report = within("the worker to stop", running.finished()).await;
    assert_eq!((report.completed, report.lost), (0, 1));
}

#[tokio::test]
async fn what_a_handler_asks_for_in_an_outage_is_answered_when_redis_is_back() {
    let mut server = Server::start(true);
    let rig = Rig::on(&server.url()).await;
    rig.queue().add("x", json!({})).await.unwrap();
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let gate = Arc::new(Notify::new());
    let handler = {
        let gate = Arc::clone(&gate);
        move |job: Job<Value>| {
            let (told, gate) = (told.clone(), Arc::clone(&gate));
            async move {
                told.send("started").unwrap();
                gate.notified().await;
                job.progress(50).await?;
                job.log("half of it").await?;
                job.raw().update_data(&json!({"step": 2})).await?;
                let children: Vec<(String, Value)> = job.children().await?;
                JobResult::Ok(children.len())
            }
        }
    };
    let worker = rig.client.worker("q").handle("x", handler).build().unwrap();
    let running = worker.start().await.unwrap();
    assert_eq!(within("the handler", heard.recv()).await, Some("started"));
    server.kill();
    gate.notify_one();
    eventually("the worker to notice", || async {
        !running.control().is_ready()
    })
    .await;
    server.restart();

    let mut again = Rig::on(&server.url()).await;
    again.prefix.clone_from(&rig.prefix);
    again.client = again.client.clone().prefix(rig.prefix.clone());
    again.wait_for_state("1", "completed").await;
    let hash = again.hash("1").await;
    let field = |name: &str| hash.get(name).map(String::as_str);
    assert_eq!(field("progress"), Some("50"));
    assert_eq!(field("data"), Some(r#"{"step":2}"#));
    assert_eq!(field("returnvalue"), Some("0"));
    assert_eq!(field("atm"), Some("1"));
    running.control().stop();
    let report = within("the worker to stop", running.finished()).await;
    assert_eq!((report.completed, report.retried, report.lost), (1, 0, 0));
}

#[tokio::test]
async fn an_unreachable_redis_is_an_error_at_start() {
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = bullrs::Client::connect(&format!("redis://:hunter2@{address}"))
        .await
        .unwrap_err();
    assert!(error.is_transient() && !error.is_ambiguous());
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
