//! Cancelling jobs from outside their worker, on a real Redis.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bullrs::{
    CancelOutcome, CancelReason, Client, Error, Job, JobResult,
    worker::{Running, Worker},
};
use redis::AsyncCommands;
use serde_json::{Value, json};
use support::{Rig, Server, eventually, proxy::Proxy, within};
use tokio::sync::Notify;

async fn started(worker: Worker) -> Running {
    worker.start().await.unwrap()
}

async fn stopped(running: Running) -> bullrs::Report {
    running.control().stop_now();
    within("the worker to stop", running.finished()).await
}

/// Ends when it is told to, and says why.
async fn obedient(job: Job<Value>) -> JobResult<()> {
    Err(job.cancelled().await.into())
}

#[tokio::test]
async fn a_running_job_is_told_to_stop_and_fails_for_good() {
    let rig = Rig::start().await;
    let job = rig.queue().add("x", json!({})).attempts(5).await.unwrap();
    let running = started(
        rig.client
            .worker("q")
            .handle("x", obedient)
            .build()
            .unwrap(),
    )
    .await;
    rig.wait_for_state(job.id(), "active").await;

    // From another process, as far as Redis can tell.
    let elsewhere = Client::connect(&rig.url).await.unwrap();
    let elsewhere = elsewhere.prefix(rig.prefix.clone()).queue("q");
    let asked = Instant::now();
    let outcome = elsewhere.job(job.id()).cancel("not wanted").await.unwrap();
    assert_eq!(outcome, CancelOutcome::Requested);
    rig.wait_for_state(job.id(), "failed").await;
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "took {:?}, promised is one second",
        asked.elapsed()
    );

    let hash = rig.hash(job.id()).await;
    assert_eq!(hash["failedReason"], "cancelled: not wanted");
    assert_eq!(hash["atm"], "1");
    assert_eq!(rig.events(job.id()).await, ["waiting", "active", "failed"]);
    let requests = format!("{}::bullrs:cancel:q", rig.prefix);
    eventually("the request to be forgotten", || async {
        !rig.redis
            .clone()
            .exists::<_, bool>(&requests)
            .await
            .unwrap()
    })
    .await;
    let again = elsewhere.job(job.id()).cancel("again").await.unwrap();
    let failed = CancelOutcome::Finished {
        state: "failed".into(),
    };
    assert_eq!(again, failed);
    assert_eq!(stopped(running).await.failed, 1);
}

#[tokio::test]
async fn a_handler_that_does_not_listen_is_dropped_after_the_grace() {
    struct Dropped(Arc<Notify>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let rig = Rig::start().await;
    let job = rig.queue().add("x", json!({})).await.unwrap();
    let dropped = Arc::new(Notify::new());
    let told = Arc::clone(&dropped);
    let deaf = move |_: Job<Value>| {
        let guard = Dropped(Arc::clone(&told));
        async move {
            let _guard = guard;
            std::future::pending::<JobResult<()>>().await
        }
    };
    let worker = rig.client.worker("q").handle("x", deaf);
    let worker = worker.cancel_grace(Duration::from_millis(50));
    let running = started(worker.build().unwrap()).await;
    rig.wait_for_state(job.id(), "active").await;
    rig.queue().job(job.id()).cancel("too slow").await.unwrap();
    within("the handler to be dropped", dropped.notified()).await;
    rig.wait_for_state(job.id(), "failed").await;
    assert_eq!(
        rig.hash(job.id()).await["failedReason"],
        "cancelled: too slow"
    );
    stopped(running).await;
}

#[tokio::test]
async fn a_job_that_no_worker_runs_fails_at_once_and_uses_no_attempt() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let waiting = queue.add("x", json!({})).await.unwrap();
    let delayed = queue
        .add("x", json!({}))
        .delay(Duration::from_mins(15))
        .await
        .unwrap();
    let prioritized = queue.add("x", json!({})).priority(3).await.unwrap();
    let parent = queue.add("x", json!({})).await.unwrap();
    let mut redis = rig.redis.clone();
    let () = redis.lrem(rig.key("wait"), 1, parent.id()).await.unwrap();
    let () = redis
        .zadd(rig.key("waiting-children"), parent.id(), 1)
        .await
        .unwrap();

    for (job, state) in [
        (&waiting, "waiting"),
        (&delayed, "delayed"),
        (&prioritized, "prioritized"),
        (&parent, "waiting-children"),
    ] {
        let outcome = queue.job(job.id()).cancel("closed").await.unwrap();
        let from = state.to_owned();
        assert_eq!(outcome, CancelOutcome::Cancelled { from });
        assert_eq!(rig.state(job.id()).await, "failed");
        let hash = rig.hash(job.id()).await;
        assert_eq!(hash["failedReason"], "cancelled: closed", "{state}");
        assert_eq!(hash["stacktrace"], r#"["cancelled: closed"]"#, "{state}");
        assert_eq!(hash.get("atm").map_or("0", String::as_str), "0", "{state}");
        assert!(hash.contains_key("finishedOn"), "{state}");
        let events = rig.events(job.id()).await;
        assert_eq!(events.last().unwrap(), "failed", "{state}");
    }
    let counts = queue.counts().await.unwrap();
    let left = counts.wait + counts.delayed + counts.prioritized + counts.waiting_children;
    assert_eq!((left, counts.failed), (0, 4));

    let gone = queue
        .add("x", json!({}))
        .keep_failed(bullrs::Keep::none())
        .await
        .unwrap();
    queue.job(gone.id()).cancel("closed").await.unwrap();
    assert_eq!(rig.state(gone.id()).await, "unknown");
    assert!(rig.hash(gone.id()).await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_cancelled_is_said_so() {
    let rig = Rig::start().await;
    let missing = rig.queue().job("nobody").cancel("x").await.unwrap_err();
    assert!(matches!(missing, Error::JobNotFound { .. }), "{missing}");
    assert_eq!(
        missing.to_string(),
        "missing key for job `nobody` of queue `q` (in cancelJob)"
    );

    let done = rig.queue().add("x", json!({})).await.unwrap();
    let handler = async |_: Job<Value>| Ok::<_, bullrs::BoxError>(());
    let worker = rig.client.worker("q").handle("x", handler).burst();
    let report = started(worker.build().unwrap()).await.finished().await;
    assert_eq!(report.completed, 1);
    let outcome = rig.queue().job(done.id()).cancel("late").await.unwrap();
    let state = "completed".to_owned();
    assert_eq!(outcome, CancelOutcome::Finished { state });

    let job = rig.queue().add("x", json!({})).await.unwrap();
    let long = rig.queue().job(job.id()).cancel(&"y".repeat(5000)).await;
    assert_eq!(
        long.unwrap_err().to_string(),
        "`reason` must have at most 4096 bytes, got 5000"
    );

    // The iteration that keeps a scheduler alive, as stock leaves it.
    let mut redis = rig.redis.clone();
    let id = "repeat:every-day:1900000000000";
    let () = redis
        .zadd(rig.key("repeat"), "every-day", 1_900_000_000_000_i64)
        .await
        .unwrap();
    let fields = [
        ("name", "x"),
        ("data", "{}"),
        ("opts", "{}"),
        ("rjk", "every-day"),
    ];
    let () = redis.hset_multiple(rig.key(id), &fields).await.unwrap();
    let () = redis.zadd(rig.key("delayed"), id, 1).await.unwrap();
    let refused = rig.queue().job(id).cancel("x").await.unwrap_err();
    assert!(refused.to_string().contains("job scheduler"), "{refused}");
    assert_eq!(rig.state(id).await, "delayed");
}

#[tokio::test]
async fn a_request_reaches_a_worker_whose_connection_was_broken_meanwhile() {
    let server = Server::start(false);
    let proxy = Proxy::start(server.port).await;
    let direct = Rig::on(&server.url()).await;
    let job = direct.queue().add("x", json!({})).await.unwrap();
    let through = Client::connect(&proxy.url()).await.unwrap();
    let through = through.prefix(direct.prefix.clone());
    let running = started(through.worker("q").handle("x", obedient).build().unwrap()).await;
    direct.wait_for_state(job.id(), "active").await;

    proxy.cut_all(true);
    let outcome = direct.queue().job(job.id()).cancel("unseen").await.unwrap();
    assert_eq!(outcome, CancelOutcome::Requested);
    proxy.cut_all(false);
    direct.wait_for_state(job.id(), "failed").await;
    assert_eq!(
        direct.hash(job.id()).await["failedReason"],
        "cancelled: unseen"
    );
    stopped(running).await;
}

#[tokio::test]
async fn a_job_that_was_put_back_before_its_worker_saw_the_request_never_runs_again() {
    let rig = Rig::start().await;
    let blocker = rig.queue().add("x", json!({})).await.unwrap();
    let running = started(
        rig.client
            .worker("q")
            .handle("x", obedient)
            .build()
            .unwrap(),
    )
    .await;
    rig.wait_for_state(blocker.id(), "active").await;

    // A job of a worker that dies after the request.
    let job = rig.queue().add("x", json!({})).await.unwrap();
    let mut redis = rig.redis.clone();
    let () = redis
        .rpoplpush(rig.key("wait"), rig.key("active"))
        .await
        .unwrap();
    let outcome = rig.queue().job(job.id()).cancel("gone").await.unwrap();
    assert_eq!(outcome, CancelOutcome::Requested);
    let () = redis.lrem(rig.key("active"), 1, job.id()).await.unwrap();
    let () = redis.lpush(rig.key("wait"), job.id()).await.unwrap();
    rig.wait_for_state(job.id(), "failed").await;
    let hash = rig.hash(job.id()).await;
    assert_eq!(hash["failedReason"], "cancelled: gone");
    assert!(!hash.contains_key("ats"), "it ran");
    assert_eq!(rig.state(blocker.id()).await, "active");
    stopped(running).await;
}

#[tokio::test]
async fn a_request_does_not_hit_a_later_job_of_the_same_id() {
    let rig = Rig::start().await;
    let mut redis = rig.redis.clone();
    let first = rig.queue().add("x", json!({})).id("mine").await.unwrap();
    let () = redis
        .rpoplpush(rig.key("wait"), rig.key("active"))
        .await
        .unwrap();
    rig.queue().job(first.id()).cancel("old").await.unwrap();
    let () = redis.del(rig.key("active")).await.unwrap();
    let () = redis.del(rig.key("mine")).await.unwrap();

    let before = redis::cmd("TIME")
        .query_async::<(i64, i64)>(&mut redis)
        .await
        .unwrap();
    eventually("the next millisecond", || async {
        let mut redis = rig.redis.clone();
        redis::cmd("TIME")
            .query_async::<(i64, i64)>(&mut redis)
            .await
            .unwrap()
            .1
            / 1000
            != before.1 / 1000
    })
    .await;
    let second = rig.queue().add("x", json!({})).id("mine").await.unwrap();
    let running = started(
        rig.client
            .worker("q")
            .handle("x", obedient)
            .build()
            .unwrap(),
    )
    .await;
    rig.wait_for_state(second.id(), "active").await;
    let requests = format!("{}::bullrs:cancel:q", rig.prefix);
    eventually("the old request to be forgotten", || async {
        !rig.redis
            .clone()
            .exists::<_, bool>(&requests)
            .await
            .unwrap()
    })
    .await;
    assert_eq!(rig.state(second.id()).await, "active");
    // Within the same process no word of Redis is needed.
    assert!(!running.cancel("other", second.id(), "x"));
    assert!(running.cancel("q", second.id(), "here"));
    rig.wait_for_state(second.id(), "failed").await;
    assert_eq!(
        rig.hash(second.id()).await["failedReason"],
        "cancelled: here"
    );
    stopped(running).await;
}

#[tokio::test]
async fn a_retry_that_awaits_its_time_is_cancelled_too_and_knows_its_earlier_failures() {
    let rig = Rig::start().await;
    let job = rig
        .queue()
        .add("x", json!({}))
        .attempts(3)
        .backoff(bullrs::Backoff::fixed(Duration::from_mins(15)))
        .await
        .unwrap();
    let handler = async |_: Job<Value>| Err::<(), _>(std::io::Error::other("boom"));
    let running = started(rig.client.worker("q").handle("x", handler).build().unwrap()).await;
    rig.wait_for_state(job.id(), "delayed").await;
    let outcome = rig.queue().job(job.id()).cancel("enough").await.unwrap();
    let from = "delayed".to_owned();
    assert_eq!(outcome, CancelOutcome::Cancelled { from });
    let hash = rig.hash(job.id()).await;
    assert_eq!(hash["atm"], "1");
    assert_eq!(hash["stacktrace"], r#"["Error: boom","cancelled: enough"]"#);
    assert_eq!(
        CancelReason::Requested("enough".into()).to_string(),
        hash["failedReason"]
    );
    stopped(running).await;
}
