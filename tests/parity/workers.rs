//! What a running worker is told, tells, and does by its options.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bullrs::{
    Backoff, BoxError, Failure, Keep, Outcome,
    worker::{Observer, Payload, RawJob, Settled, SettledState},
};
use futures_util::future::BoxFuture;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::{
    Any, Work,
    support::{Rig, eventually},
};

fn broken() -> Result<Outcome, BoxError> {
    Err("broken".into())
}

#[tokio::test]
async fn a_backoff_of_ones_own_sees_the_attempt() {
    let rig = Rig::start().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let see = Arc::clone(&seen);
    let worker = rig
        .client
        .worker("q")
        .fallback(Arc::new(Any(|_| async { broken() })))
        .backoff("mine", |made| (made < 2).then_some(Duration::ZERO))
        .backoff_strategy(move |attempt| {
            let data: serde_json::Value = serde_json::from_str(attempt.job.data.get()).unwrap();
            see.lock().unwrap().push((
                attempt.attempts_made,
                attempt.backoff.to_owned(),
                attempt.reason.to_owned(),
            ));
            data["tries"].as_u64().map(Duration::from_millis)
        })
        .build()
        .unwrap();
    let add = |id: &'static str, backoff: Backoff, data| {
        let queue = rig.queue();
        async move {
            let job = queue.add("x", data).id(id).attempts(3).backoff(backoff);
            job.await.unwrap();
        }
    };
    add("other", Backoff::custom("other"), json!({"tries": 1})).await;
    add("none", Backoff::custom("none"), json!({})).await;
    add("mine", Backoff::custom("mine"), json!({})).await;
    add("fixed", Backoff::fixed(Duration::from_millis(1)), json!({})).await;
    let worker = Work::start(worker).await;
    for (id, made) in [("other", "3"), ("none", "1"), ("mine", "2"), ("fixed", "3")] {
        rig.wait_for_state(id, "failed").await;
        assert_eq!(rig.hash(id).await["atm"], made, "{id}");
        assert_eq!(rig.hash(id).await["failedReason"], "broken", "{id}");
    }
    worker.stop().await;
    let mut seen = seen.lock().unwrap().clone();
    seen.sort();
    let entry = |made: u32, kind: &str| (made, kind.to_owned(), "broken".to_owned());
    assert_eq!(
        seen,
        [entry(1, "none"), entry(1, "other"), entry(2, "other")]
    );
}

#[tokio::test]
async fn a_backoff_that_panics_ends_the_attempts() {
    let rig = Rig::start().await;
    let worker = rig
        .client
        .worker("q")
        .fallback(Arc::new(Any(|_| async { broken() })))
        .backoff_strategy(|_| panic!("no idea"))
        .build()
        .unwrap();
    let job = rig.queue().add("x", ()).attempts(3);
    let job = job.backoff(Backoff::custom("any")).await.unwrap();
    let worker = Work::start(worker).await;
    rig.wait_for_state(job.id(), "failed").await;
    assert_eq!(rig.hash(job.id()).await["atm"], "1");
    assert_eq!(worker.stop().await.failed, 1);
}

#[tokio::test]
async fn a_running_workers_concurrency_is_changed() {
    let rig = Rig::start().await;
    let gate = Arc::new(Semaphore::new(0));
    let running = Arc::new(AtomicUsize::new(0));
    let (open, at_once) = (Arc::clone(&gate), Arc::clone(&running));
    let handler = move |_: RawJob| {
        let (gate, running) = (Arc::clone(&gate), Arc::clone(&running));
        async move {
            running.fetch_add(1, Ordering::SeqCst);
            gate.acquire().await.unwrap().forget();
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(Outcome::null())
        }
    };
    let worker = rig.client.worker("q").fallback(Arc::new(Any(handler)));
    let worker = Work::start(worker.build().unwrap()).await;
    let control = worker.control();
    assert_eq!(
        (control.concurrency("q"), control.concurrency("p")),
        (Some(1), None)
    );
    for _ in 0..12 {
        rig.queue().add("x", ()).await.unwrap();
    }
    let active = |count: u64| {
        let (queue, at_once) = (rig.queue(), Arc::clone(&at_once));
        async move {
            eventually("so many to run", || async {
                let counts = queue.counts().await.unwrap();
                counts.active == count && at_once.load(Ordering::SeqCst) as u64 == count
            })
            .await;
        }
    };
    active(1).await;
    control.set_concurrency("q", 4).unwrap();
    active(4).await;
    // Of a lower number more run until they have ended.
    control.set_concurrency("q", 2).unwrap();
    open.add_permits(2);
    active(2).await;
    open.add_permits(3);
    eventually("five to complete", || async {
        rig.queue().counts().await.unwrap().completed == 5
    })
    .await;
    active(2).await;
    for (queue, jobs) in [("q", 0), ("p", 1)] {
        assert!(control.set_concurrency(queue, jobs).is_err());
    }
    assert_eq!(control.concurrency("q"), Some(2));
    open.add_permits(7);
    eventually("all to complete", || async {
        rig.queue().counts().await.unwrap().completed == 12
    })
    .await;
    worker.stop().await;
}

/// Keeps what a worker tells, a line each.
#[derive(Default)]
struct Diary(Mutex<Vec<String>>);

impl Diary {
    fn write(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Observer for Diary {
    fn starting<'a>(&'a self, job: &'a RawJob) -> BoxFuture<'a, Result<Option<Payload>, BoxError>> {
        self.write(format!("active {}", job.id()));
        Box::pin(async { Ok(None) })
    }

    fn progressed(&self, job: &RawJob, progress: &str) {
        self.write(format!("progress {} {progress}", job.id()));
    }

    fn settled(&self, settled: Settled) {
        let id = settled.job.id();
        self.write(match settled.state {
            SettledState::Completed(value) => format!("completed {id} {value}"),
            SettledState::Failed(reason) => format!("failed {id} {reason}"),
            SettledState::Retried { reason, .. } => format!("retried {id} {reason}"),
            SettledState::Delayed(_) => format!("delayed {id}"),
            other => format!("{other:?} {id}"),
        });
    }

    fn drained(&self, queue: &str) {
        self.write(format!("drained {queue}"));
    }

    fn stalled(&self, queue: &str, id: &str) {
        self.write(format!("stalled {queue} {id}"));
    }
}

#[tokio::test]
async fn an_observer_hears_what_nodes_worker_emits() {
    let rig = Rig::start().await;
    // A job whose worker died: it holds no lock any more.
    let mut fetcher = rig.client.fetcher("q").open().await.unwrap();
    let lost = rig.queue().add("lost", ()).await.unwrap();
    drop(fetcher.next().await.unwrap());
    let _: () = redis::AsyncCommands::del(&mut rig.redis.clone(), rig.key("1:lock"))
        .await
        .unwrap();

    let diary = Arc::new(Diary::default());
    let told = Arc::clone(&diary);
    let handler = |job: RawJob| async move {
        job.progress(&42).await?;
        match job.name() {
            "bad" => Err(Failure::unrecoverable("boom").into()),
            "later" if job.attempt() == 1 && job.record().attempts_started == 1 => {
                Ok(Outcome::Delay(Duration::from_millis(1)))
            }
            _ => Ok(Outcome::done(&"fine")?),
        }
    };
    let worker = rig.client.worker("q").fallback(Arc::new(Any(handler)));
    let worker = worker.observer(diary).stalled(Duration::from_millis(10), 1);
    let worker = worker.build().unwrap();
    let worker = Work::start(worker).await;
    let has = |line: String| {
        let told = Arc::clone(&told);
        async move {
            eventually(&line, || async { told.lines().contains(&line) }).await;
        }
    };
    has(format!("stalled q {}", lost.id())).await;
    has(format!("completed {} \"fine\"", lost.id())).await;
    eventually("the worker to be through", || async {
        told.lines().last().unwrap() == "drained q"
    })
    .await;
    let before = told.lines().len();
    let bad = rig.queue().add("bad", ()).await.unwrap();
    eventually("the worker to be through", || async {
        told.lines().len() > before && told.lines().last().unwrap() == "drained q"
    })
    .await;
    let id = bad.id();
    assert_eq!(
        told.lines()[before..],
        [
            format!("active {id}"),
            format!("progress {id} 42"),
            format!("failed {id} boom"),
            "drained q".into()
        ]
    );
    let later = rig.queue().add("later", ()).await.unwrap();
    has(format!("completed {} \"fine\"", later.id())).await;
    let told = told.lines();
    assert!(
        told.contains(&format!("delayed {}", later.id())),
        "{told:?}"
    );
    assert!(
        !told.iter().any(|line| line.starts_with("retried")),
        "{told:?}"
    );
    worker.stop().await;
}

#[tokio::test]
async fn the_queues_drained_event_comes_once_for_each_batch() {
    let rig = Rig::start().await;
    let worker = Work::idle(&rig, "q").await;
    for batch in 1..=2_u64 {
        rig.queue()
            .add_all([bullrs::NewJob::new("a", ()), bullrs::NewJob::new("b", ())])
            .await
            .unwrap();
        eventually("the batch to complete", || async {
            rig.queue().counts().await.unwrap().completed == batch * 2
        })
        .await;
    }
    worker.stop().await;
    let reply: redis::streams::StreamRangeReply =
        redis::AsyncCommands::xrange_all(&mut rig.redis.clone(), rig.key("events"))
            .await
            .unwrap();
    let drained = |entry: &&redis::streams::StreamId| {
        entry.get::<String>("event").as_deref() == Some("drained")
    };
    assert_eq!(reply.ids.iter().filter(drained).count(), 2);
}

#[tokio::test]
async fn what_a_worker_keeps_and_counts_is_set_where_it_is_built() {
    let rig = Rig::start().await;
    let handler = |job: RawJob| async move {
        if job.name() == "bad" {
            return broken();
        }
        Ok(Outcome::null())
    };
    for name in ["bad", "good"] {
        for _ in 0..6 {
            rig.queue().add(name, ()).await.unwrap();
        }
    }
    let worker = rig
        .client
        .worker("q")
        .fallback(Arc::new(Any(handler)))
        .keep_completed(Keep::last(1).age(Duration::from_secs(10)).limit(10))
        .keep_failed(Keep::last(3))
        .metrics(120)
        .drain_delay(Duration::from_secs(1))
        .burst()
        .build()
        .unwrap();
    let report = worker.run().await.unwrap();
    assert_eq!((report.completed, report.failed), (6, 6));
    let counts = rig.queue().counts().await.unwrap();
    assert_eq!((counts.completed, counts.failed), (1, 3));
    for kind in [
        bullrs::queue::MetricsKind::Completed,
        bullrs::queue::MetricsKind::Failed,
    ] {
        assert_eq!(rig.queue().metrics(kind).await.unwrap().count, 6);
    }
}

#[tokio::test]
async fn starts_are_limited_whether_or_not_they_use_attempts() {
    let rig = Rig::start().await;
    for most in 0..=2 {
        let rig = &rig;
        let queue = format!("q{most}");
        let job = rig.client.queue(&queue).add("x", ()).await.unwrap();
        let ran = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&ran);
        let handler = move |_: RawJob| {
            count.fetch_add(1, Ordering::SeqCst);
            async { Ok(Outcome::Delay(Duration::from_millis(1))) }
        };
        let worker = rig.client.worker(&queue).fallback(Arc::new(Any(handler)));
        let worker = worker.max_started_attempts(most).build().unwrap();
        let worker = Work::start(worker).await;
        eventually("the job to fail", || async {
            job.is_failed().await.unwrap()
        })
        .await;
        let reason = job.snapshot().await.unwrap().unwrap();
        assert_eq!(
            reason.failed_reason(),
            Some("job started more than allowable limit")
        );
        assert_eq!(ran.load(Ordering::SeqCst), most as usize);
        worker.stop().await;
    }
}

#[tokio::test]
async fn locks_and_stalled_checks_can_be_left_to_others() {
    let rig = Rig::start().await;
    let (opened, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let open = Arc::clone(&gate);
    let started = Arc::clone(&opened);
    let handler = move |job: RawJob| {
        let (gate, opened) = (Arc::clone(&gate), Arc::clone(&opened));
        async move {
            opened.add_permits(1);
            tokio::select! {
                permit = gate.acquire() => permit.unwrap().forget(),
                _ = job.cancelled() => return Err("told to stop".into()),
            }
            Ok(Outcome::null())
        }
    };
    let worker = rig
        .client
        .worker("q")
        .fallback(Arc::new(Any(handler)))
        .lock(Duration::from_millis(300))
        .stalled(Duration::from_millis(10), 1)
        .skip_lock_renewal()
        .skip_stalled_check()
        .build()
        .unwrap();
    let worker = Work::start(worker).await;
    let job = rig.queue().add("x", ()).await.unwrap();
    let begun = started.acquire().await.unwrap();
    begun.forget();
    eventually("the lock to run out", || async {
        job.lock_token().await.unwrap().is_none()
    })
    .await;
    // Nobody hands it back, and nobody writes what became of it.
    open.add_permits(1);
    assert_eq!(worker.stop().await.lost, 1);
    assert!(job.is_active().await.unwrap());
}
