//! The worker's behaviour through the public API, on a real Redis.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bullrs::{
    Backoff, CancelReason, Failure, Job, JobResult, Keep, Outcome, State,
    worker::{Control, Payload, QueueOptions, RawJob, Running, Settled, Worker, WorkerOptions},
};
use redis::AsyncCommands;
use serde_json::{Value, json};
use support::{Rig, eventually, within};
use tokio::sync::{Notify, mpsc};

/// A worker that is stopped, and awaited, at the end of a test.
struct Started(Running);

impl Started {
    async fn new(worker: Worker) -> Self {
        Self(worker.start().await.unwrap())
    }

    fn control(&self) -> Control {
        self.0.control()
    }

    async fn stop(self) -> bullrs::Report {
        self.0.control().stop();
        within("the worker to stop", self.0.finished()).await
    }
}

async fn echo(job: Job<Value>) -> JobResult<Value> {
    Ok(job.data)
}

#[tokio::test]
async fn a_job_leaves_what_a_node_worker_would_leave() {
    let rig = Rig::start().await;
    let job = rig
        .queue()
        .add("resize", json!({"width": 640}))
        .await
        .unwrap();
    let worker = rig
        .client
        .worker("q")
        .name("w1")
        .handle("resize", echo)
        .build()
        .unwrap();
    let worker = Started::new(worker).await;
    rig.wait_for_state(job.id(), "completed").await;
    let report = worker.stop().await;
    assert_eq!(
        (report.completed, report.failed, report.abandoned),
        (1, 0, 0)
    );

    let hash = rig.hash(job.id()).await;
    let fields: Vec<&str> = hash.keys().map(String::as_str).collect();
    assert_eq!(
        fields,
        [
            "atm",
            "ats",
            "data",
            "delay",
            "finishedOn",
            "name",
            "opts",
            "pb",
            "priority",
            "processedOn",
            "returnvalue",
            "timestamp"
        ]
    );
    assert_eq!(hash["returnvalue"], r#"{"width":640}"#);
    assert_eq!(
        (
            hash["atm"].as_str(),
            hash["ats"].as_str(),
            hash["pb"].as_str()
        ),
        ("1", "1", "w1")
    );
    assert_eq!(
        rig.events(job.id()).await,
        ["waiting", "active", "completed"]
    );
    let lock: Option<String> = rig.redis.clone().get(rig.key("1:lock")).await.unwrap();
    assert_eq!(lock, None);
}

#[tokio::test]
async fn failures_are_retried_with_backoff_and_end_in_failed() {
    let rig = Rig::start().await;
    let job = rig
        .queue()
        .add("x", json!({}))
        .attempts(3)
        .backoff(Backoff::exponential(Duration::from_millis(20)))
        .await
        .unwrap();
    let handler = async |_: Job<Value>| Err::<(), _>(std::io::Error::other("boom"));
    let worker = Started::new(rig.client.worker("q").handle("x", handler).build().unwrap()).await;
    rig.wait_for_state(job.id(), "failed").await;
    let report = worker.stop().await;
    assert_eq!((report.retried, report.failed), (2, 1));

    let hash = rig.hash(job.id()).await;
    assert_eq!(hash["failedReason"], "boom");
    assert_eq!(
        hash["stacktrace"],
        r#"["Error: boom","Error: boom","Error: boom"]"#
    );
    assert_eq!((hash["atm"].as_str(), hash["ats"].as_str()), ("3", "3"));
    assert_eq!(
        rig.events(job.id()).await,
        [
            "waiting",
            "active",
            "delayed",
            "waiting",
            "active",
            "delayed",
            "waiting",
            "active",
            "failed",
            "retries-exhausted"
        ]
    );
}

// PEERS A1 #1: a panicking handler wedged its job for the life of the process.
#[tokio::test]
async fn a_panic_is_a_failed_attempt_with_its_backtrace() {
    let rig = Rig::start().await;
    let job = rig.queue().add("x", json!({})).attempts(2).await.unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let handler = move |_: Job<Value>| {
        let call = counted.fetch_add(1, Ordering::SeqCst);
        async move {
            assert!(call > 0, "first call");
            JobResult::Ok("second call")
        }
    };
    let worker = Started::new(rig.client.worker("q").handle("x", handler).build().unwrap()).await;
    rig.wait_for_state(job.id(), "completed").await;
    worker.stop().await;
    let hash = rig.hash(job.id()).await;
    assert_eq!(hash["failedReason"], "panicked: first call");
    let stacktrace: Vec<String> = serde_json::from_str(&hash["stacktrace"]).unwrap();
    assert!(stacktrace[0].contains("tests/worker.rs"), "{stacktrace:?}");
}

// PEERS A1 #6, #7: lost locks went unnoticed, and renewal depended on the handlers' runtime.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handlers_that_block_every_thread_lose_no_lock() {
    let rig = Rig::start().await;
    for _ in 0..4 {
        rig.queue().add("x", json!({})).await.unwrap();
    }
    let block = async |_: Job<Value>| {
        std::thread::sleep(Duration::from_millis(1200));
        JobResult::Ok(())
    };
    let builder = rig
        .client
        .worker("q")
        .concurrency(4)
        .lock(Duration::from_millis(300));
    let builder = builder
        .stalled(Duration::from_millis(50), 1)
        .handle("x", block);
    let running = builder.build().unwrap().start().await.unwrap();
    // A second worker would take what is not locked.
    let thief = rig.client.worker("q").stalled(Duration::from_millis(50), 1);
    let thief = Started::new(
        thief
            .handle("x", async |_: Job<Value>| JobResult::Ok("thief"))
            .build()
            .unwrap(),
    )
    .await;
    for id in 1..=4 {
        rig.wait_for_state(&id.to_string(), "completed").await;
    }
    let stolen = thief.stop().await;
    running.control().stop();
    let report = within("the worker to stop", running.finished()).await;
    assert_eq!(report.lost, 0);
    assert_eq!(report.completed + stolen.completed, 4);
    for id in 1..=4 {
        assert!(
            !rig.hash(&id.to_string()).await.contains_key("stc"),
            "job {id} stalled"
        );
    }
}

#[tokio::test]
async fn a_job_whose_lock_was_taken_is_cancelled_and_not_reported() {
    let rig = Rig::start().await;
    let job = rig.queue().add("x", json!({})).await.unwrap();
    let (told, mut reasons) = mpsc::unbounded_channel();
    let handler = move |job: Job<Value>| {
        let told = told.clone();
        async move {
            told.send(job.cancelled().await).unwrap();
            JobResult::Ok("not to be written")
        }
    };
    let builder = rig.client.worker("q").lock(Duration::from_millis(200));
    let worker = Started::new(builder.handle("x", handler).build().unwrap()).await;
    rig.wait_for_state(job.id(), "active").await;
    let _: () = rig
        .redis
        .clone()
        .set(rig.key("1:lock"), "thief")
        .await
        .unwrap();
    let reason = within("the cancellation", reasons.recv()).await.unwrap();
    assert!(
        matches!(&reason, CancelReason::LockLost(why) if why.contains("another worker")),
        "{reason}"
    );
    let report = worker.stop().await;
    assert_eq!((report.completed, report.lost), (0, 1));
    assert_eq!(rig.state(job.id()).await, "active");
    assert!(!rig.hash(job.id()).await.contains_key("returnvalue"));
}

#[tokio::test]
async fn a_stopping_worker_hands_back_what_does_not_end() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    for name in ["quick", "endless"] {
        queue.add(name, json!({})).attempts(3).await.unwrap();
    }
    let waiting = queue.add("endless", json!({})).await.unwrap();
    let release = Arc::new(Notify::new());
    let released = Arc::clone(&release);
    let quick = move |_: Job<Value>| {
        let released = Arc::clone(&released);
        async move {
            released.notified().await;
            JobResult::Ok(())
        }
    };
    let endless = async |job: Job<Value>| Err::<(), _>(job.cancelled().await);
    let builder = rig
        .client
        .worker("q")
        .concurrency(2)
        .drain(Duration::from_millis(100));
    let running = builder
        .handle("quick", quick)
        .handle("endless", endless)
        .build()
        .unwrap();
    let running = running.start().await.unwrap();
    rig.wait_for_state("2", "active").await;
    running.control().stop();
    // From here on nothing more is claimed.
    eventually("the worker to drain", || async {
        !running.control().is_ready()
    })
    .await;
    release.notify_one();
    let report = within("the worker to stop", running.finished()).await;
    assert_eq!(
        (report.completed, report.released, report.abandoned),
        (1, 1, 0)
    );
    assert_eq!(
        rig.list("wait").await,
        [waiting.id(), "2"],
        "at the front, before what waited"
    );
    let hash = rig.hash("2").await;
    assert!(
        !hash.contains_key("atm") && !hash.contains_key("stc"),
        "{hash:?}"
    );
}

#[tokio::test]
async fn a_second_stop_does_not_wait_for_the_drain() {
    let rig = Rig::start().await;
    rig.queue().add("x", json!({})).await.unwrap();
    let stubborn = async |_: Job<Value>| -> JobResult<()> { std::future::pending().await };
    let running = rig
        .client
        .worker("q")
        .drain(Duration::from_mins(10))
        .handle("x", stubborn);
    let running = running.build().unwrap().start().await.unwrap();
    rig.wait_for_state("1", "active").await;
    running.control().stop();
    running.control().stop_now();
    let report = within("the worker to stop", running.finished()).await;
    assert_eq!((report.released, report.abandoned), (1, 0));
    assert_eq!(rig.list("wait").await, ["1"]);
    let lock: Option<String> = rig.redis.clone().get(rig.key("1:lock")).await.unwrap();
    assert_eq!(
        lock, None,
        "the next worker need not wait for the lock to run out"
    );
}

#[tokio::test]
async fn a_stop_right_after_the_start_is_heard() {
    let rig = Rig::start().await;
    for _ in 0..30 {
        let worker = rig.client.worker("q").handle("x", echo).build().unwrap();
        let worker = worker.start().await.unwrap();
        worker.control().stop();
        within("the worker to stop", worker.finished()).await;
    }
}

// PEERS A1 #11: a closing worker popped the marker and other workers slept on.
#[tokio::test]
async fn a_stopping_idle_worker_swallows_no_wake_up() {
    let rig = Rig::start().await;
    let gauge = Arc::new(Gauge::default());
    for round in 1..=20 {
        let idle = || {
            let mut options = WorkerOptions::new([QueueOptions::new("q")]);
            options.prefix.clone_from(&rig.prefix);
            // Far longer than this test may take: only the marker wakes.
            options.drain_delay = Duration::from_mins(5);
            Worker::new(rig.options(), options).processor("q", Arc::clone(&gauge) as _)
        };
        let (first, second) = (idle(), idle());
        let (first, second) = (first.start().await.unwrap(), second.start().await.unwrap());
        first.control().stop();
        rig.queue().add("x", json!({})).await.unwrap();
        eventually("the other worker to run the job", || async {
            rig.queue().counts().await.unwrap().completed == round
        })
        .await;
        second.control().stop();
        within("both to stop", async {
            tokio::join!(first.finished(), second.finished())
        })
        .await;
    }
}

#[tokio::test]
async fn every_outcome_has_its_stock_effect() {
    let rig = Rig::start().await;
    let handler = async |job: Job<String>| -> JobResult<Outcome> {
        let again = job.raw().record().attempts_started > 1;
        Ok(match job.data.as_str() {
            _ if again => Outcome::done(&"again")?,
            "delay" => Outcome::Delay(Duration::from_millis(30)),
            "wait" => Outcome::Wait,
            "children" => Outcome::WaitChildren,
            _ => Outcome::RateLimited(Duration::from_millis(30)),
        })
    };
    let worker = Started::new(rig.client.worker("q").handle("x", handler).build().unwrap()).await;
    for (what, events) in [
        (
            "delay",
            vec![
                "waiting",
                "active",
                "delayed",
                "waiting",
                "active",
                "completed",
            ],
        ),
        (
            "wait",
            vec!["waiting", "active", "waiting", "active", "completed"],
        ),
        (
            "children",
            vec!["waiting", "active", "waiting", "active", "completed"],
        ),
        (
            "rate",
            vec!["waiting", "active", "waiting", "active", "completed"],
        ),
    ] {
        let job = rig.queue().add("x", what).await.unwrap();
        rig.wait_for_state(job.id(), "completed").await;
        assert_eq!(rig.events(job.id()).await, events, "{what}");
        let hash = rig.hash(job.id()).await;
        assert_eq!(
            (hash["atm"].as_str(), hash["ats"].as_str()),
            ("1", "2"),
            "{what}"
        );
    }
    worker.stop().await;
}

#[tokio::test]
async fn failures_carry_their_rule_through_the_chain() {
    #[derive(Debug, thiserror::Error)]
    #[error("context")]
    struct Context(#[source] Failure);
    let rig = Rig::start().await;
    let handler = async |job: Job<String>| -> JobResult<()> {
        let failure = match job.data.as_str() {
            "never" => Failure::unrecoverable("no use"),
            _ if job.attempt() > 1 => return Ok(()),
            _ => Failure::retry_after(Duration::from_millis(20), "later"),
        };
        Err(Context(failure).into())
    };
    let worker = Started::new(rig.client.worker("q").handle("x", handler).build().unwrap()).await;
    let never = rig.queue().add("x", "never").attempts(5).await.unwrap();
    rig.wait_for_state(never.id(), "failed").await;
    assert_eq!(rig.hash(never.id()).await["atm"], "1");
    let later = rig.queue().add("x", "later").attempts(5).await.unwrap();
    rig.wait_for_state(later.id(), "completed").await;
    assert_eq!(
        rig.events(later.id()).await,
        [
            "waiting",
            "active",
            "delayed",
            "waiting",
            "active",
            "completed"
        ]
    );
    worker.stop().await;
}

#[tokio::test]
async fn limits_of_time_stop_a_job() {
    let rig = Rig::start().await;
    let endless = async |job: Job<bool>| -> JobResult<()> {
        if job.data {
            return Err(job.cancelled().await.into());
        }
        Ok(())
    };
    let soft = rig
        .queue()
        .add("x", true)
        .timeout(Duration::from_millis(50))
        .await
        .unwrap();
    let old = rig
        .queue()
        .add("x", false)
        .ttl(Duration::from_millis(1))
        .await
        .unwrap();
    eventually("the job to be too old", || async {
        let added: i64 = rig.hash(old.id()).await["timestamp"].parse().unwrap();
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
        now > u128::try_from(added).unwrap() + 1
    })
    .await;
    let worker = Started::new(rig.client.worker("q").handle("x", endless).build().unwrap()).await;
    rig.wait_for_state(soft.id(), "failed").await;
    assert_eq!(
        rig.hash(soft.id()).await["failedReason"],
        "timed out after 50 ms"
    );
    rig.wait_for_state(old.id(), "failed").await;
    let reason = &rig.hash(old.id()).await["failedReason"];
    assert!(
        reason.starts_with("expired ") && reason.ends_with("its time to live was 1 ms"),
        "{reason}"
    );
    worker.stop().await;
}

// PEERS A1 #4, #15, A2, A3: one odd job was misread, or killed the worker.
#[tokio::test]
async fn malformed_jobs_fail_by_name_and_the_others_run() {
    let rig = Rig::start().await;
    let mut redis = rig.redis.clone();
    let broken = BTreeMap::from([
        (
            "bad-data",
            (
                vec![("name", "x"), ("data", "not-json{"), ("opts", "{}")],
                "`data` is not JSON: expected ident at line 1 column 2",
            ),
        ),
        (
            "bad-opts",
            (
                vec![("name", "x"), ("data", "{}"), ("opts", "{\"attempts\":")],
                "cannot read `opts`: at `attempts`: EOF while parsing a value at line 1 column 12",
            ),
        ),
        (
            "no-hash",
            (
                vec![],
                "the job's hash is gone: it has neither `name` nor `data`",
            ),
        ),
        (
            "bad-count",
            (
                vec![
                    ("name", "x"),
                    ("data", "{}"),
                    ("opts", "{}"),
                    ("stc", "many"),
                ],
                "`stc` is not a number",
            ),
        ),
        (
            "bad-name",
            (
                vec![("name", "y"), ("data", "{}"), ("opts", "{}")],
                "no handler for job name `y` in queue `q`; this worker knows `x`",
            ),
        ),
        (
            "bad-shape",
            (
                vec![
                    ("name", "x"),
                    ("data", "[1]"),
                    ("opts", r#"{"attempts":5}"#),
                ],
                "cannot read `data`: at `[0]`: invalid type, expected a string at line 1 column 2",
            ),
        ),
    ]);
    for (id, (fields, _)) in &broken {
        if !fields.is_empty() {
            let _: () = redis.hset_multiple(rig.key(id), fields).await.unwrap();
        }
        let _: () = redis.lpush(rig.key("wait"), id).await.unwrap();
    }
    let good = rig.queue().add("x", ["fine"]).await.unwrap();
    let handler = async |_: Job<Vec<String>>| JobResult::Ok(());
    let router = rig
        .client
        .worker("q")
        .concurrency(3)
        .handle("x", handler)
        .build()
        .unwrap();
    let worker = Started::new(router).await;
    rig.wait_for_state(good.id(), "completed").await;
    for (id, (fields, reason)) in &broken {
        rig.wait_for_state(id, "failed").await;
        // `{}` is no list either, but its hash was never there.
        let _ = fields;
        assert_eq!(rig.hash(id).await["failedReason"], *reason, "{id}");
        assert_eq!(rig.hash(id).await["atm"], "1", "{id}");
    }
    let report = worker.stop().await;
    assert_eq!((report.completed, report.failed), (1, 6));
}

#[tokio::test]
async fn order_is_fifo_then_priority_and_lifo_goes_first() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    queue.add("x", "first").await.unwrap();
    queue.add("x", "second").await.unwrap();
    queue.add("x", "urgent").lifo().await.unwrap();
    queue.add("x", "least").priority(9).await.unwrap();
    queue.add("x", "less").priority(2).await.unwrap();
    queue
        .add("x", "later")
        .delay(Duration::from_millis(1500))
        .await
        .unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&order);
    let handler = move |job: Job<String>| {
        seen.lock().unwrap().push(job.data);
        async { JobResult::Ok(()) }
    };
    let worker = Started::new(rig.client.worker("q").handle("x", handler).build().unwrap()).await;
    rig.wait_for_state("6", "completed").await;
    worker.stop().await;
    assert_eq!(
        *order.lock().unwrap(),
        ["urgent", "first", "second", "less", "least", "later"]
    );
}

/// Counts how many jobs run at once.
#[derive(Default)]
struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}
impl bullrs::worker::Processor for Gauge {
    fn process(
        &self,
        _job: RawJob,
    ) -> futures_util::future::BoxFuture<'_, Result<Outcome, bullrs::BoxError>> {
        Box::pin(async {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            self.now.fetch_sub(1, Ordering::SeqCst);
            Ok(Outcome::null())
        })
    }
}

#[tokio::test]
async fn one_process_never_runs_more_than_its_total() {
    let rig = Rig::start().await;
    let mut options = WorkerOptions::new(["a", "b", "c"].map(|name| {
        let mut queue = QueueOptions::new(name);
        queue.concurrency = 4;
        queue
    }));
    options.prefix.clone_from(&rig.prefix);
    options.total_concurrency = Some(3);
    for name in ["a", "b", "c"] {
        for _ in 0..20 {
            rig.client.queue(name).add("x", json!({})).await.unwrap();
        }
    }
    let gauge = Arc::new(Gauge::default());
    let mut worker = Worker::new(rig.options(), options);
    for name in ["a", "b", "c"] {
        worker = worker.processor(name, Arc::clone(&gauge) as _);
    }
    let worker = Started::new(worker).await;
    for name in ["a", "b", "c"] {
        eventually("the queue to be done", || async {
            rig.client.queue(name).counts().await.unwrap().completed == 20
        })
        .await;
    }
    worker.stop().await;
    assert_eq!(gauge.most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn all_queues_may_wait_over_one_connection() {
    let rig = Rig::start().await;
    let names: Vec<String> = (0..8).map(|number| format!("s{number}")).collect();
    let mut options = WorkerOptions::new(names.iter().map(QueueOptions::new));
    options.prefix.clone_from(&rig.prefix);
    options.share_blocking = true;
    options.drain_delay = Duration::from_mins(1);
    let mut worker = Worker::new(rig.options(), options);
    for name in &names {
        worker = worker.processor(name, Arc::new(Gauge::default()));
    }
    let worker = Started::new(worker).await;
    for name in names.iter().chain(names.iter().rev()) {
        let job = rig.client.queue(name).add("x", json!({})).await.unwrap();
        // Long before the drain delay is over: by the marker, not by looking again.
        eventually("the job to be done", || async {
            job.state().await.unwrap() == "completed"
        })
        .await;
        let queue = rig.client.queue(name);
        let delayed = queue.add("x", json!({})).delay(Duration::from_millis(30));
        let delayed = delayed.await.unwrap();
        eventually("the delayed job", || async {
            delayed.state().await.unwrap() == "completed"
        })
        .await;
    }
    let clients: String = redis::cmd("CLIENT")
        .arg("LIST")
        .query_async(&mut rig.redis.clone())
        .await
        .unwrap();
    let mine = format!("name={}:", rig.prefix);
    assert_eq!(
        clients
            .lines()
            .filter(|client| client.contains(&mine))
            .count(),
        1
    );
    assert_eq!(worker.stop().await.completed, 32);
}

#[tokio::test]
async fn a_paused_queue_rests_and_a_paused_worker_leaves_it_to_others() {
    let rig = Rig::start().await;
    let worker = rig.client.worker("q").handle("x", echo).build().unwrap();
    let worker = Started::new(worker).await;
    // In its first wait by now; once that is interrupted nothing more can be fetched.
    let blocked = || async {
        let clients: String = redis::cmd("CLIENT")
            .arg("LIST")
            .query_async(&mut rig.redis.clone())
            .await
            .unwrap();
        let name = format!("name={}:cQ== ", rig.prefix);
        clients
            .lines()
            .any(|client| client.contains(&name) && client.contains("flags=b"))
    };
    eventually("the worker to wait", &blocked).await;
    worker.control().pause();
    eventually("the wait to end", || async { !blocked().await }).await;
    let job = rig.queue().add("x", json!({})).await.unwrap();
    let other = Started::new(
        rig.client
            .worker("q")
            .name("other")
            .handle("x", echo)
            .build()
            .unwrap(),
    )
    .await;
    rig.wait_for_state(job.id(), "completed").await;
    assert_eq!(rig.hash(job.id()).await["pb"], "other");
    other.stop().await;
    let next = rig.queue().add("x", json!({})).await.unwrap();
    worker.control().resume();
    rig.wait_for_state(next.id(), "completed").await;
    worker.stop().await;
}

#[tokio::test]
async fn a_burst_worker_ends_when_nothing_is_ready() {
    let rig = Rig::start().await;
    for _ in 0..120 {
        rig.queue()
            .add("x", json!({}))
            .keep_completed(Keep::none())
            .await
            .unwrap();
    }
    let worker = rig
        .client
        .worker("q")
        .concurrency(7)
        .burst()
        .handle("x", echo)
        .build()
        .unwrap();
    let report = within("the burst to end", worker.run()).await.unwrap();
    assert_eq!((report.completed, report.failed), (120, 0));
    assert_eq!(
        rig.queue().counts().await.unwrap(),
        bullrs::queue::Counts::default()
    );
}

#[tokio::test]
async fn state_is_given_to_handlers_that_ask() {
    #[derive(Clone)]
    struct App {
        bucket: &'static str,
    }
    async fn with_state(job: Job<String>, State(app): State<App>) -> JobResult<String> {
        Ok(format!("{}/{}", app.bucket, job.data))
    }
    let rig = Rig::start().await;
    let job = rig.queue().add("x", "a.png").await.unwrap();
    let builder = rig.client.worker("q").state(App { bucket: "s3" }).burst();
    let worker = builder.handle("x", with_state).build().unwrap();
    within("the burst to end", worker.run()).await.unwrap();
    assert_eq!(rig.hash(job.id()).await["returnvalue"], r#""s3/a.png""#);
}

#[tokio::test]
async fn progress_and_logs_are_seen_from_outside() {
    let rig = Rig::start().await;
    let handler = async |job: Job<Value>| -> JobResult<u64> {
        job.progress(50).await?;
        job.progress(json!({"step": 2})).await?;
        job.log("one").await?;
        Ok(job.log("two").await?)
    };
    let job = rig.queue().add("x", json!({})).await.unwrap();
    let worker = rig
        .client
        .worker("q")
        .burst()
        .handle("x", handler)
        .build()
        .unwrap();
    within("the burst to end", worker.run()).await.unwrap();
    let hash = rig.hash(job.id()).await;
    assert_eq!(
        (hash["progress"].as_str(), hash["returnvalue"].as_str()),
        (r#"{"step":2}"#, "2")
    );
    assert_eq!(rig.list("1:logs").await, ["one", "two"]);
    assert_eq!(
        rig.events("1").await,
        ["waiting", "active", "progress", "progress", "completed"]
    );
}

/// Remembers what an observer is told.
#[derive(Default)]
struct Watcher(Mutex<Vec<String>>);

impl bullrs::worker::Observer for Watcher {
    fn starting<'a>(
        &'a self,
        job: &'a RawJob,
    ) -> futures_util::future::BoxFuture<'a, Result<Option<Payload>, bullrs::BoxError>> {
        self.0
            .lock()
            .unwrap()
            .push(format!("starting {} attempt {}", job.id(), job.attempt()));
        Box::pin(async { Ok(Some(Payload::new("secret"))) })
    }

    fn progressed(&self, job: &RawJob, progress: &str) {
        self.0
            .lock()
            .unwrap()
            .push(format!("progress {} {progress}", job.id()));
    }

    fn settled(&self, settled: Settled) {
        let line = format!(
            "settled {} {} {:?}",
            settled.job.id(),
            settled.attempts_made,
            settled.state
        );
        self.0.lock().unwrap().push(line);
    }
}

#[tokio::test]
async fn an_observer_is_told_before_the_handler_and_after_redis() {
    let rig = Rig::start().await;
    rig.queue().add("x", json!({})).attempts(2).await.unwrap();
    let handler = async |job: Job<Value>| -> JobResult<usize> {
        job.progress(10).await?;
        if job.attempt() == 1 {
            return Err("first".into());
        }
        Ok(job
            .raw()
            .payload()
            .map_or(0, |payload| payload.reveal().len()))
    };
    let watcher = Arc::new(Watcher::default());
    let builder = rig
        .client
        .worker("q")
        .burst()
        .observer(Arc::clone(&watcher) as _);
    let worker = builder.handle("x", handler).build().unwrap();
    within("the burst to end", worker.run()).await.unwrap();
    assert_eq!(
        *watcher.0.lock().unwrap(),
        [
            "starting 1 attempt 1",
            "progress 1 10",
            r#"settled 1 1 Retried { reason: "first", delay: 0 }"#,
            "starting 1 attempt 2",
            "progress 1 10",
            r#"settled 1 2 Completed("6")"#,
        ]
    );
}
