//! Jobs taken by hand, and each way they go.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use std::{
    io::Error as IoError,
    time::{Duration, Instant},
};

use bullrs::{
    Backoff, Client, Error, Failure, Keep,
    worker::{AfterFailure, Fetched, Fetcher, HeldJob},
};
use redis::AsyncCommands;
use serde_json::{Value, json};
use support::{Rig, Server, eventually, proxy::Proxy, within};

async fn fetcher(rig: &Rig) -> Fetcher {
    rig.client.fetcher("q").token("t").open().await.unwrap()
}

async fn take(fetcher: &mut Fetcher) -> HeldJob {
    let answer = fetcher.try_next().await.unwrap();
    answer.into_job().expect("a job")
}

async fn lock(rig: &Rig, id: &str) -> Option<String> {
    rig.redis
        .clone()
        .get(rig.key(&format!("{id}:lock")))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_job_taken_by_hand_is_completed_as_by_a_worker() {
    let rig = Rig::start().await;
    rig.queue()
        .add("resize", json!({"width": 640}))
        .await
        .unwrap();
    let mut fetcher = rig
        .client
        .fetcher("q")
        .token("my-token")
        .name("by-hand")
        .open()
        .await
        .unwrap();
    let mut job = take(&mut fetcher).await;
    assert_eq!(
        (job.id(), job.name(), job.token()),
        ("1", "resize", "my-token")
    );
    assert_eq!(job.data::<Value>().unwrap(), json!({"width": 640}));
    assert_eq!(job.must_fail(), None);
    assert_eq!(rig.state("1").await, "active");
    assert_eq!(lock(&rig, "1").await.as_deref(), Some("my-token"));
    job.raw().progress(&50).await.unwrap();
    job.move_to_completed(&json!({"url": "x"})).await.unwrap();

    let hash = rig.hash("1").await;
    assert_eq!(hash["returnvalue"], r#"{"url":"x"}"#);
    let counts = (&hash["atm"][..], &hash["ats"][..], &hash["pb"][..]);
    assert_eq!(counts, ("1", "1", "by-hand"));
    assert_eq!(
        rig.events("1").await,
        ["waiting", "active", "progress", "completed"]
    );
    assert_eq!(lock(&rig, "1").await, None);
    let again = job.move_to_wait().await.unwrap_err();
    assert!(matches!(again, Error::WrongState { .. }), "{again}");
}

#[tokio::test]
async fn nothing_to_take_says_when_there_will_be() {
    let rig = Rig::start().await;
    let mut fetcher = fetcher(&rig).await;
    let nothing = fetcher.try_next().await.unwrap();
    assert!(
        matches!(nothing, Fetched::Nothing { next_due: None }),
        "{nothing:?}"
    );
    rig.queue()
        .add("x", json!(1))
        .delay(Duration::from_hours(1))
        .await
        .unwrap();
    let hash = rig.hash("1").await;
    let due: i64 = hash["timestamp"].parse::<i64>().unwrap() + 3_600_000;
    let later = fetcher.try_next().await.unwrap();
    assert!(
        matches!(later, Fetched::Nothing { next_due: Some(at) } if at == due),
        "{later:?}"
    );
}

#[tokio::test]
async fn the_next_job_comes_with_the_end_of_the_one_before() {
    let rig = Rig::start().await;
    for n in 0..3 {
        rig.queue().add("x", json!(n)).await.unwrap();
    }
    let mut fetcher = fetcher(&rig).await;
    let mut first = take(&mut fetcher).await;
    let answer = first.move_to_completed_and_fetch(&()).await.unwrap();
    let mut second = answer.into_job().unwrap();
    assert_eq!((second.id(), second.token()), ("2", "t"));
    let (after, answer) = second
        .move_to_failed_and_fetch(IoError::other("boom"))
        .await
        .unwrap();
    assert_eq!(after, AfterFailure::Failed);
    let mut third = answer.into_job().unwrap();
    assert_eq!(third.data::<u32>().unwrap(), 2);
    let answer = third.move_to_completed_and_fetch("done").await.unwrap();
    assert!(matches!(answer, Fetched::Nothing { next_due: None }));
    let states = [
        rig.state("1").await,
        rig.state("2").await,
        rig.state("3").await,
    ];
    assert_eq!(states, ["completed", "failed", "completed"]);
    assert_eq!(rig.hash("1").await["returnvalue"], "null");
}

#[tokio::test]
async fn a_failure_is_retried_as_the_job_says() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    queue.add("at-once", json!(1)).attempts(2).await.unwrap();
    let backoff = Backoff::exponential(Duration::from_hours(1));
    queue
        .add("later", json!(1))
        .attempts(2)
        .backoff(backoff)
        .await
        .unwrap();
    queue.add("never", json!(1)).attempts(2).await.unwrap();
    let mut fetcher = fetcher(&rig).await;
    let mut at_once = take(&mut fetcher).await;
    let mut later = take(&mut fetcher).await;
    let mut never = take(&mut fetcher).await;

    let after = at_once
        .move_to_failed(IoError::other("boom"))
        .await
        .unwrap();
    assert_eq!(after, AfterFailure::Retried(Duration::ZERO));
    let after = later.move_to_failed("boom").await.unwrap();
    assert_eq!(after, AfterFailure::Retried(Duration::from_hours(1)));
    let after = never
        .move_to_failed(Failure::unrecoverable("stop"))
        .await
        .unwrap();
    assert_eq!(after, AfterFailure::Failed);

    let states = [
        rig.state("1").await,
        rig.state("2").await,
        rig.state("3").await,
    ];
    assert_eq!(states, ["waiting", "delayed", "failed"]);
    let hash = rig.hash("1").await;
    assert_eq!((&hash["failedReason"][..], &hash["atm"][..]), ("boom", "1"));
    assert_eq!(hash["stacktrace"], r#"["Error: boom"]"#);

    let mut last = take(&mut fetcher).await;
    assert_eq!((last.id(), last.raw().attempt()), ("1", 2));
    let after = last.move_to_failed("again").await.unwrap();
    assert_eq!(after, AfterFailure::Failed);
    assert_eq!(
        rig.events("1").await,
        [
            "waiting",
            "active",
            "waiting",
            "active",
            "failed",
            "retries-exhausted"
        ]
    );
}

#[tokio::test]
async fn moves_that_use_no_attempt_use_none() {
    let rig = Rig::start().await;
    for n in 0..2 {
        rig.queue().add("x", json!(n)).await.unwrap();
    }
    let mut fetcher = fetcher(&rig).await;
    let mut first = take(&mut fetcher).await;
    assert_eq!(first.move_to_wait().await.unwrap(), None);
    let mut first = take(&mut fetcher).await;
    assert_eq!(first.id(), "1", "it stands in front again");
    first
        .move_to_delayed(Duration::from_hours(1))
        .await
        .unwrap();
    assert_eq!(rig.state("1").await, "delayed");
    let hash = rig.hash("1").await;
    assert_eq!((hash.get("atm"), &hash["delay"][..]), (None, "3600000"));

    let mut second = take(&mut fetcher).await;
    assert!(!second.move_to_waiting_children().await.unwrap());
    let child = rig.key("child");
    let dependencies = rig.key("2:dependencies");
    let () = rig.redis.clone().sadd(dependencies, &child).await.unwrap();
    assert!(!second.move_to_waiting_child("other").await.unwrap());
    assert!(second.move_to_waiting_child(&child).await.unwrap());
    assert_eq!(rig.state("2").await, "waiting-children");
    assert_eq!(rig.hash("2").await.get("atm"), None);
}

#[tokio::test]
async fn pending_children_keep_a_job_ours() {
    let rig = Rig::start().await;
    rig.queue().add("x", json!(1)).await.unwrap();
    let mut fetcher = fetcher(&rig).await;
    let mut job = take(&mut fetcher).await;
    let dependencies = rig.key("1:dependencies");
    let () = rig
        .redis
        .clone()
        .sadd(&dependencies, rig.key("child"))
        .await
        .unwrap();
    let pending = job.move_to_completed(&1).await.unwrap_err();
    assert!(
        matches!(pending, Error::PendingChildren { .. }),
        "{pending}"
    );
    let () = rig.redis.clone().del(&dependencies).await.unwrap();
    job.move_to_completed(&1).await.unwrap();
    assert_eq!(rig.state("1").await, "completed");
}

#[tokio::test]
async fn a_lock_can_be_extended_until_it_is_lost() {
    let rig = Rig::start().await;
    rig.queue().add("x", json!(1)).await.unwrap();
    let mut fetcher = fetcher(&rig).await;
    let mut job = take(&mut fetcher).await;
    job.extend_lock(Duration::from_hours(1)).await.unwrap();
    let left: i64 = rig.redis.clone().pttl(rig.key("1:lock")).await.unwrap();
    assert!((3_500_000..=3_600_000).contains(&left), "{left}");

    let () = rig
        .redis
        .clone()
        .set(rig.key("1:lock"), "thief")
        .await
        .unwrap();
    let lost = job.extend_lock(Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(
        lost.to_string(),
        "lost the lock on job `1` of queue `q` (in extendLock)"
    );
    let lost = job.move_to_completed(&1).await.unwrap_err();
    assert!(matches!(lost, Error::WrongState { .. }), "{lost}");
    assert_eq!(rig.state("1").await, "active");
}

#[tokio::test]
async fn another_token_cannot_move_a_job() {
    let rig = Rig::start().await;
    rig.queue().add("x", json!(1)).await.unwrap();
    let mut fetcher = fetcher(&rig).await;
    let mut job = take(&mut fetcher).await;
    let () = rig
        .redis
        .clone()
        .set(rig.key("1:lock"), "thief")
        .await
        .unwrap();
    let lost = job.move_to_completed(&1).await.unwrap_err();
    assert!(matches!(lost, Error::LockLost { .. }), "{lost}");
    assert_eq!(rig.state("1").await, "active");
}

#[tokio::test]
async fn retention_and_metrics_hold_for_jobs_taken_by_hand() {
    let rig = Rig::start().await;
    rig.queue()
        .add("x", json!(1))
        .keep_completed(Keep::none())
        .await
        .unwrap();
    rig.queue().add("x", json!(1)).await.unwrap();
    let mut fetcher = rig.client.fetcher("q").metrics(10).open().await.unwrap();
    let mut job = take(&mut fetcher).await;
    job.move_to_completed(&1).await.unwrap();
    assert!(rig.hash("1").await.is_empty());
    let mut job = take(&mut fetcher).await;
    job.move_to_failed("boom").await.unwrap();
    assert_eq!(rig.hash("metrics:completed").await["count"], "1");
    assert_eq!(rig.hash("metrics:failed").await["count"], "1");
}

#[tokio::test]
async fn a_rate_limit_holds_the_fetcher() {
    let rig = Rig::start().await;
    for n in 0..2 {
        rig.queue().add("x", json!(n)).await.unwrap();
    }
    let mut fetcher = rig
        .client
        .fetcher("q")
        .limiter(1, Duration::from_millis(300))
        .open()
        .await
        .unwrap();
    let mut job = take(&mut fetcher).await;
    let answer = job.move_to_completed_and_fetch(&1).await.unwrap();
    let Fetched::RateLimited(left) = answer else {
        panic!("{answer:?}");
    };
    assert!(
        left > Duration::ZERO && left <= Duration::from_millis(300),
        "{left:?}"
    );
    let mut job = within("the next window", fetcher.next()).await.unwrap();
    assert_eq!(job.id(), "2");
    let left = job
        .rate_limit(Duration::from_hours(1))
        .await
        .unwrap()
        .unwrap();
    assert!(left > Duration::from_mins(59), "{left:?}");
    assert_eq!(rig.state("2").await, "waiting");
    assert!(matches!(
        fetcher.try_next().await.unwrap(),
        Fetched::RateLimited(_)
    ));
}

#[tokio::test]
async fn a_wait_ends_as_soon_as_there_is_a_job() {
    let rig = Rig::start().await;
    // Neither looks at the queue by itself before the test has failed.
    let mut fetcher = rig
        .client
        .fetcher("q")
        .drain_delay(Duration::from_hours(1))
        .open()
        .await
        .unwrap();
    for delay in [0, 300] {
        let delay = Duration::from_millis(delay);
        let (job, _) = tokio::join!(within("a job", fetcher.next()), async {
            eventually("the fetcher to wait", || async { blocked(&rig).await == 1 }).await;
            rig.queue().add("x", json!(1)).delay(delay).await.unwrap()
        });
        let mut job = job.unwrap();
        job.move_to_completed(&1).await.unwrap();
    }
    assert_eq!(rig.queue().counts().await.unwrap().completed, 2);
}

/// How many clients of this test wait for a marker.
async fn blocked(rig: &Rig) -> usize {
    let list: String = redis::cmd("CLIENT")
        .arg("LIST")
        .query_async(&mut rig.redis.clone())
        .await
        .unwrap();
    let name = format!(" name={}:cQ== ", rig.prefix);
    list.lines()
        .filter(|line| line.contains(&name) && line.contains(" flags=b "))
        .count()
}

#[tokio::test]
async fn a_wait_that_is_given_up_takes_no_job_and_no_wake_up_along() {
    let rig = Rig::start().await;
    let mut fetcher = fetcher(&rig).await;
    let (queue, mut taken) = (rig.queue(), 0);
    for n in 0..100 {
        // Dropped at every moment of its life, over the rounds.
        let patience = Duration::from_micros(n * 40);
        let (given_up, _) = tokio::join!(
            tokio::time::timeout(patience, fetcher.next()),
            queue.add("x", json!(n))
        );
        if let Ok(job) = given_up {
            job.unwrap().move_to_completed(&1).await.unwrap();
            taken += 1;
        }
    }
    eventually("what was taken in vain to be back", || async {
        let counts = rig.queue().counts().await.unwrap();
        counts.active == 0 && counts.wait == 100 - taken
    })
    .await;
    // And whoever waits is woken.
    eventually("a marker", || async {
        rig.redis
            .clone()
            .zcard::<_, u64>(rig.key("marker"))
            .await
            .unwrap()
            > 0
    })
    .await;
    while let Some(mut job) = fetcher.try_next().await.unwrap().into_job() {
        job.move_to_completed(&1).await.unwrap();
    }
    assert_eq!(rig.queue().counts().await.unwrap().completed, 100);
}

#[tokio::test]
async fn a_dropped_job_keeps_its_lock_and_is_recovered_as_stalled() {
    let rig = Rig::start().await;
    rig.queue().add("x", json!(1)).await.unwrap();
    let mut fetcher = rig
        .client
        .fetcher("q")
        .lock(Duration::from_millis(200))
        .stalled(Duration::from_millis(50), 1)
        .open()
        .await
        .unwrap();
    drop(take(&mut fetcher).await);
    assert!(lock(&rig, "1").await.is_some());
    assert_eq!(rig.state("1").await, "active");
    let checks = tokio::spawn(fetcher.stalled_checks());
    rig.wait_for_state("1", "waiting").await;
    checks.abort();
    assert_eq!(rig.hash("1").await["stc"], "1");

    // Beyond the limit the job comes with the reason why it must fail.
    drop(take(&mut fetcher).await);
    eventually("the second stall", || async {
        !fetcher.check_stalled().await.unwrap().is_empty()
    })
    .await;
    let mut job = take(&mut fetcher).await;
    let reason = job.must_fail().unwrap().to_owned();
    assert_eq!(reason, "job stalled more than allowable limit");
    let after = job
        .move_to_failed(Failure::unrecoverable(reason))
        .await
        .unwrap();
    assert_eq!(after, AfterFailure::Failed);
}

#[tokio::test]
async fn a_move_whose_reply_was_lost_is_found_made() {
    let server = Server::start(false);
    let rig = Rig::on(&server.url()).await;
    let proxy = Proxy::start(server.port).await;
    let client = Client::connect(&proxy.url()).await.unwrap();
    let client = client.prefix(&rig.prefix);
    for n in 0..3 {
        rig.queue().add("x", json!(n)).await.unwrap();
    }
    let mut fetcher = client.fetcher("q").open().await.unwrap();
    // The server knows the scripts from here on.
    take(&mut fetcher)
        .await
        .move_to_completed(&0)
        .await
        .unwrap();
    let mut job = take(&mut fetcher).await;
    job.move_to_wait().await.unwrap();
    let mut job = take(&mut fetcher).await;

    proxy.cut_reply_to("returnvalue");
    let lost = job.move_to_completed(&7).await.unwrap_err();
    assert!(lost.is_transient() && lost.is_ambiguous(), "{lost}");
    rig.wait_for_state("2", "completed").await;
    job.move_to_completed(&7).await.unwrap();
    let hash = rig.hash("2").await;
    assert_eq!((&hash["atm"][..], &hash["returnvalue"][..]), ("1", "7"));

    let mut job = take(&mut fetcher).await;
    proxy.cut_reply_to(job.token());
    let lost = job.move_to_wait().await.unwrap_err();
    assert!(lost.is_ambiguous(), "{lost}");
    rig.wait_for_state("3", "waiting").await;
    assert_eq!(job.move_to_wait().await.unwrap(), None);
}

#[tokio::test]
async fn a_fetcher_outlasts_a_restart() {
    let mut server = Server::start(true);
    let rig = Rig::on(&server.url()).await;
    let mut fetcher = fetcher(&rig).await;
    let waiting = async {
        loop {
            match fetcher.next().await {
                Ok(job) => return job,
                Err(error) => assert!(error.is_transient(), "{error}"),
            }
            tokio::task::yield_now().await;
        }
    };
    let (mut job, ()) = tokio::join!(within("a job", waiting), async {
        eventually("the fetcher to wait", || async { blocked(&rig).await == 1 }).await;
        server.kill();
        server.restart();
        let client = Client::connect(&server.url()).await.unwrap();
        client
            .prefix(&rig.prefix)
            .queue("q")
            .add("x", json!(1))
            .await
            .unwrap();
    });
    job.move_to_completed(&1).await.unwrap();
}

#[tokio::test]
async fn options_that_break_a_rule_are_refused() {
    let rig = Rig::start().await;
    let refused = rig
        .client
        .fetcher("a:b")
        .lock(Duration::ZERO)
        .open()
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`lock_duration` must be at least 100 ms, got 0ns; `queue` must not contain `:`, got `a:b`"
    );
    let refused = rig.client.fetcher("q").token("0").open().await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`token` must be neither empty nor `0`, got `0`"
    );
}

#[tokio::test]
async fn a_prioritized_job_goes_back_to_the_front_of_its_class() {
    let rig = Rig::start().await;
    for n in 0..2 {
        rig.queue().add("x", json!(n)).priority(5).await.unwrap();
    }
    let mut fetcher = fetcher(&rig).await;
    let mut job = take(&mut fetcher).await;
    job.move_to_wait().await.unwrap();
    let front: Vec<String> = rig
        .redis
        .clone()
        .zrange(rig.key("prioritized"), 0, -1)
        .await
        .unwrap();
    assert_eq!(front, ["1", "2"]);
}

#[tokio::test]
async fn a_schedulers_job_arms_the_next_one_when_it_is_taken() {
    let rig = Rig::start().await;
    // As stock stores it (WIRE, appendix A11).
    let every = 3_600_000;
    let begun = Instant::now();
    let slot = 1_700_000_000_000_i64;
    let opts = json!({"attempts": 0, "repeat": {"every": every, "count": 1}}).to_string();
    let id = format!("repeat:tick:{slot}");
    let mut pipe = redis::pipe();
    pipe.hset_multiple(
        rig.key("repeat:tick"),
        &[
            ("name", "x"),
            ("every", "3600000"),
            ("ic", "1"),
            ("offset", "0"),
        ],
    );
    pipe.zadd(rig.key("repeat"), "tick", slot);
    pipe.hset_multiple(
        rig.key(&id),
        &[
            ("name", "x"),
            ("data", "{}"),
            ("opts", &opts),
            ("rjk", "tick"),
            ("timestamp", "1"),
        ],
    );
    pipe.lpush(rig.key("wait"), &id);
    let () = pipe.query_async(&mut rig.redis.clone()).await.unwrap();
    let mut fetcher = fetcher(&rig).await;
    let mut job = take(&mut fetcher).await;
    assert_eq!(job.id(), id);
    job.move_to_completed(&1).await.unwrap();
    assert_eq!(rig.hash("repeat:tick").await["ic"], "2");
    assert_eq!(rig.queue().counts().await.unwrap().delayed, 1);
    assert!(begun.elapsed() < Duration::from_hours(1));
}
