//! What an operator does to a queue and to its jobs, on a real Redis.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use std::{collections::BTreeSet, time::Duration};

use bullrs::{
    Deduplication, Error, JobOptions, NewJob, flow::Flow, queue::admin::Cleanable, wire::Limiter,
};
use redis::AsyncCommands;
use serde_json::{Value, json};
use support::{Rig, eventually};

const HOUR: Duration = Duration::from_hours(1);

/// Adds jobs with these ids that are ready to run.
async fn add(rig: &Rig, ids: &[&str]) {
    let jobs = ids.iter().map(|id| NewJob::new("n", json!({})).id(*id));
    rig.queue().add_all(jobs).await.unwrap();
}

/// Adds `count` jobs and lets them end: even ones complete, odd ones fail.
async fn finish(rig: &Rig, count: u32) {
    let mut fetcher = rig.client.fetcher("q").token("t").open().await.unwrap();
    for index in 0..count {
        rig.queue().add("n", json!({"i": index})).await.unwrap();
        let mut job = fetcher.try_next().await.unwrap().into_job().unwrap();
        if index % 2 == 0 {
            job.move_to_completed(&"done").await.unwrap();
        } else {
            job.move_to_failed("boom").await.unwrap();
        }
    }
}

async fn ids(rig: &Rig, set: &str) -> Vec<String> {
    rig.redis.clone().zrange(rig.key(set), 0, -1).await.unwrap()
}

async fn keys(rig: &Rig) -> BTreeSet<String> {
    let found: Vec<String> = rig.redis.clone().keys(rig.key("*")).await.unwrap();
    let start = rig.key("");
    found
        .into_iter()
        .map(|key| key.strip_prefix(&start).unwrap().to_owned())
        .collect()
}

async fn last_event(rig: &Rig) -> String {
    let found: redis::streams::StreamRangeReply = rig
        .redis
        .clone()
        .xrevrange_count(rig.key("events"), "+", "-", 1)
        .await
        .unwrap();
    found.ids[0].get("event").unwrap()
}

#[tokio::test]
async fn a_paused_queue_hands_out_nothing_until_it_is_resumed() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    queue.pause().await.unwrap();
    assert_eq!(rig.hash("meta").await["paused"], "1");
    assert_eq!(last_event(&rig).await, "paused");
    add(&rig, &["a"]).await;
    let mut fetcher = rig.client.fetcher("q").token("t").open().await.unwrap();
    assert!(fetcher.try_next().await.unwrap().into_job().is_none());

    // Ids that a 5.x client put aside come to the front, in their order.
    let mut redis = rig.redis.clone();
    let _: i64 = redis.lpush(rig.key("paused"), &["x", "y"]).await.unwrap();
    queue.resume().await.unwrap();
    assert_eq!(rig.list("wait").await, ["a", "y", "x"]);
    assert!(!rig.hash("meta").await.contains_key("paused"));
    assert_eq!(last_event(&rig).await, "resumed");
}

#[tokio::test]
async fn draining_removes_what_waits_in_steps_and_spares_schedulers() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    add(&rig, &["a", "b", "c"]).await;
    let armed = queue.scheduler("s").every(HOUR).await.unwrap();
    add(&rig, &["d", "e"]).await;
    queue.add("p", ()).priority(3).await.unwrap();
    queue
        .add("later", ())
        .id("later")
        .delay(HOUR)
        .await
        .unwrap();
    finish_active(&rig).await;

    let mut drain = queue.drain().step_size(2);
    let mut steps = Vec::new();
    while let Some(removed) = drain.step().await.unwrap() {
        steps.push(removed);
    }
    assert_eq!(steps, [2, 2, 1]);
    assert_eq!(drain.done(), 5);
    assert_eq!(rig.list("wait").await, [armed.job.id()]);
    assert_eq!(ids(&rig, "delayed").await, ["later"]);
    assert_eq!(ids(&rig, "prioritized").await, [""; 0]);
    assert_eq!(queue.drain().with_delayed().await.unwrap(), 1);
    assert_eq!(ids(&rig, "delayed").await, [""; 0]);
    // What is active is none of its business.
    assert_eq!(rig.list("active").await, ["a"]);
}

/// Takes a job and holds it.
async fn finish_active(rig: &Rig) {
    let mut fetcher = rig.client.fetcher("q").token("t").open().await.unwrap();
    assert_eq!(
        fetcher.try_next().await.unwrap().into_job().unwrap().id(),
        "a"
    );
}

#[tokio::test]
async fn a_drain_that_was_dropped_can_be_taken_up() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    add(&rig, &["a", "b", "c", "d", "e"]).await;
    let mut drain = queue.drain().step_size(2);
    assert_eq!(drain.step().await.unwrap(), Some(2));
    drop(drain);
    assert_eq!(rig.list("wait").await.len(), 3);
    assert_eq!(queue.drain().at_most(2).await.unwrap(), 2);
    assert_eq!(queue.drain().await.unwrap(), 1);
    assert_eq!(queue.drain().await.unwrap(), 0);
}

#[tokio::test]
async fn cleaning_takes_a_state_s_old_jobs_and_names_them() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    finish(&rig, 7).await;
    let day = Duration::from_hours(24);
    let young = queue.clean(Cleanable::Failed).older_than(day);
    assert_eq!(young.await.unwrap(), [""; 0]);
    assert_eq!(
        queue.clean(Cleanable::Failed).at_most(2).await.unwrap(),
        ["2", "4"]
    );
    assert_eq!(queue.clean(Cleanable::Failed).await.unwrap(), ["6"]);
    assert_eq!(last_event(&rig).await, "cleaned");
    let mut sweep = queue.clean(Cleanable::Completed).step_size(3);
    assert_eq!(sweep.step().await.unwrap().unwrap(), ["1", "3", "5"]);
    assert_eq!(sweep.step().await.unwrap().unwrap(), ["7"]);
    assert_eq!(sweep.step().await.unwrap(), None);
    assert_eq!(
        keys(&rig).await,
        ["events", "id", "marker", "meta"].map(str::to_owned).into()
    );
}

#[tokio::test]
async fn cleaning_goes_on_behind_jobs_that_stay() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let old = 1000;
    // At the front stand five that are too young, then old and young ones by turns.
    for index in 0..5 {
        let job = queue.add("n", ()).id(format!("young{index}"));
        job.await.unwrap();
    }
    for index in 0..4 {
        let job = queue.add("n", ()).id(format!("old{index}"));
        job.timestamp(old).await.unwrap();
        let job = queue.add("n", ()).id(format!("late{index}"));
        job.await.unwrap();
    }
    let before: Vec<String> = rig.list("wait").await;
    let clean = queue.clean(Cleanable::Waiting).older_than(HOUR);
    let mut removed = clean.step_size(2).await.unwrap();
    removed.sort();
    assert_eq!(removed, ["old0", "old1", "old2", "old3"]);
    let kept: Vec<String> = before
        .into_iter()
        .filter(|id| !id.starts_with("old"))
        .collect();
    assert_eq!(rig.list("wait").await, kept);

    queue.add("n", ()).id("later").delay(HOUR).await.unwrap();
    assert_eq!(queue.clean(Cleanable::Delayed).await.unwrap(), ["later"]);
}

#[tokio::test]
async fn cleaning_leaves_what_a_worker_holds() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    add(&rig, &["a", "b"]).await;
    let mut fetcher = rig.client.fetcher("q").token("t").open().await.unwrap();
    let _held = fetcher.try_next().await.unwrap();
    let _lost = fetcher.try_next().await.unwrap();
    let _: i64 = rig.redis.clone().del(rig.key("b:lock")).await.unwrap();
    // By how far clocks may be apart in one millisecond.
    eventually("b to be old enough", || async {
        let removed = queue.clean(Cleanable::Active).await.unwrap();
        assert!(removed.iter().all(|id| id == "b"), "{removed:?}");
        rig.list("active").await == ["a"]
    })
    .await;
}

#[tokio::test]
async fn an_obliterated_queue_leaves_nothing() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    finish(&rig, 6).await;
    add(&rig, &["a", "b"]).await;
    queue.add("p", ()).priority(3).await.unwrap();
    queue.scheduler("s").every(HOUR).await.unwrap();
    queue.add("later", ()).delay(HOUR).await.unwrap();
    let mut sweep = queue.obliterate().step_size(4);
    let mut steps = 0;
    while let Some(jobs) = sweep.step().await.unwrap() {
        assert!(jobs <= 4);
        steps += 1;
    }
    assert_eq!((sweep.done(), steps), (11, 4));
    assert_eq!(keys(&rig).await, BTreeSet::new());
}

#[tokio::test]
async fn a_queue_with_active_jobs_is_obliterated_only_by_force() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    add(&rig, &["a", "b"]).await;
    let mut fetcher = rig.client.fetcher("q").token("t").open().await.unwrap();
    let mut held = fetcher.try_next().await.unwrap().into_job().unwrap();
    let refused = queue.obliterate().await.unwrap_err();
    assert!(
        matches!(&refused, Error::ActiveJobs { queue } if queue == "q"),
        "{refused:?}"
    );
    // As stock leaves it.
    assert!(queue.is_paused().await.unwrap());
    assert_eq!(queue.obliterate().force().await.unwrap(), 2);
    assert_eq!(keys(&rig).await, BTreeSet::new());
    let lost = held.move_to_completed(&()).await.unwrap_err();
    assert!(matches!(lost, Error::JobNotFound { .. }), "{lost:?}");
}

#[tokio::test]
async fn a_queue_that_is_resumed_meanwhile_is_not_obliterated() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    add(&rig, &["a", "b"]).await;
    let mut sweep = queue.obliterate().step_size(1);
    assert_eq!(sweep.step().await.unwrap(), Some(1));
    queue.resume().await.unwrap();
    let refused = sweep.step().await.unwrap_err();
    assert!(
        matches!(&refused, Error::NotPaused { queue } if queue == "q"),
        "{refused:?}"
    );
    assert_eq!(rig.list("wait").await.len(), 1);
}

#[tokio::test]
async fn all_failed_jobs_run_again() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    finish(&rig, 7).await;
    assert_eq!(queue.retry_all().finished_by(0).await.unwrap(), 0);
    assert_eq!(queue.retry_all().at_most(1).await.unwrap(), 1);
    let mut sweep = queue.retry_all().step_size(1);
    while sweep.step().await.unwrap().is_some() {}
    assert_eq!(sweep.done(), 2);
    assert_eq!(rig.list("wait").await, ["6", "4", "2"]);
    let hash = rig.hash("2").await;
    assert!(!hash.contains_key("failedReason") && !hash.contains_key("finishedOn"));
    assert_eq!(queue.retry_all().completed().await.unwrap(), 4);
    assert_eq!(rig.list("wait").await.len(), 7);
}

#[tokio::test]
async fn all_delayed_jobs_become_ready() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    for _ in 0..5 {
        queue.add("n", ()).delay(HOUR).await.unwrap();
    }
    assert_eq!(queue.promote_all().step_size(2).await.unwrap(), 5);
    assert_eq!(rig.list("wait").await, ["5", "4", "3", "2", "1"]);
    assert_eq!(ids(&rig, "delayed").await, [""; 0]);
}

#[tokio::test]
async fn jobs_without_a_state_are_orphans() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    finish(&rig, 2).await;
    add(&rig, &["a"]).await;
    queue.scheduler("s").every(HOUR).await.unwrap();
    let before = keys(&rig).await;
    let mut redis = rig.redis.clone();
    for ghost in ["g1", "g2", "g3"] {
        let () = redis.hset(rig.key(ghost), "name", "n").await.unwrap();
        let logs = rig.key(&format!("{ghost}:logs"));
        let () = redis.rpush(logs, "row").await.unwrap();
    }
    assert_eq!(queue.remove_orphans().at_most(1).await.unwrap(), 1);
    assert_eq!(queue.remove_orphans().step_size(1).await.unwrap(), 2);
    assert_eq!(queue.remove_orphans().await.unwrap(), 0);
    assert_eq!(keys(&rig).await, before);
}

#[tokio::test]
async fn limits_are_written_for_all_workers_and_taken_away() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let limit = Limiter {
        max: 5,
        duration: Duration::from_secs(2),
    };
    queue.set_global_concurrency(4).await.unwrap();
    queue.set_global_rate_limit(limit).await.unwrap();
    let meta = rig.hash("meta").await;
    assert_eq!(
        (
            &meta["concurrency"][..],
            &meta["max"][..],
            &meta["duration"][..]
        ),
        ("4", "5", "2000")
    );
    assert_eq!(queue.global_concurrency().await.unwrap(), Some(4));
    assert_eq!(queue.global_rate_limit().await.unwrap(), Some(limit));
    queue.remove_global_concurrency().await.unwrap();
    queue.remove_global_rate_limit().await.unwrap();
    let meta = rig.hash("meta").await;
    assert!(
        ["concurrency", "max", "duration"]
            .iter()
            .all(|field| !meta.contains_key(*field))
    );

    queue.rate_limit(HOUR).await.unwrap();
    let mut redis = rig.redis.clone();
    let stored: String = redis.get(rig.key("limiter")).await.unwrap();
    let left: i64 = redis.pttl(rig.key("limiter")).await.unwrap();
    assert_eq!(stored, "9007199254740991");
    assert!((3_500_000..=3_600_000).contains(&left), "{left}");
    assert!(queue.remove_rate_limit().await.unwrap());
    assert!(!queue.remove_rate_limit().await.unwrap());
}

#[tokio::test]
async fn limits_that_would_stop_a_queue_are_refused() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let limit = |max, ms| Limiter {
        max,
        duration: Duration::from_millis(ms),
    };
    assert_eq!(
        queue
            .set_global_concurrency(0)
            .await
            .unwrap_err()
            .to_string(),
        "`concurrency` must be 1 or more, got 0; to let nothing run, pause the queue"
    );
    for (limit, field) in [(limit(0, 1), "max"), (limit(1, 0), "duration")] {
        let refused = queue.set_global_rate_limit(limit).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid { field: f, .. } if f == field));
    }
    assert!(queue.rate_limit(Duration::ZERO).await.is_err());
    assert_eq!(keys(&rig).await, BTreeSet::new());
}

#[tokio::test]
async fn a_concurrency_of_one_is_kept_over_all_fetchers() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    queue.set_global_concurrency(1).await.unwrap();
    add(&rig, &["a", "b"]).await;
    let mut first = rig.client.fetcher("q").token("1").open().await.unwrap();
    let mut second = rig.client.fetcher("q").token("2").open().await.unwrap();
    let mut job = first.try_next().await.unwrap().into_job().unwrap();
    assert!(second.try_next().await.unwrap().into_job().is_none());
    job.move_to_completed(&()).await.unwrap();
    assert_eq!(
        second.try_next().await.unwrap().into_job().unwrap().id(),
        "b"
    );
}

#[tokio::test]
async fn a_failed_job_is_retried_with_or_without_its_counts() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    finish(&rig, 4).await;
    let job = queue.job("2");
    job.retry().await.unwrap();
    let hash = rig.hash("2").await;
    assert_eq!((&hash["atm"][..], &hash["ats"][..]), ("1", "1"));
    assert!(!hash.contains_key("failedReason"));
    queue
        .job("4")
        .retry()
        .reset_attempts()
        .reset_starts()
        .await
        .unwrap();
    let hash = rig.hash("4").await;
    assert!(!hash.contains_key("atm") && !hash.contains_key("ats"));
    assert_eq!(rig.list("wait").await, ["4", "2"]);
    queue.job("3").retry().completed().await.unwrap();
    assert_eq!(rig.list("wait").await, ["3", "4", "2"]);

    let again = job.retry().await.unwrap_err();
    assert!(matches!(again, Error::WrongState { .. }), "{again:?}");
    let gone = queue.job("gone").retry().await.unwrap_err();
    assert!(
        matches!(&gone, Error::JobNotFound { id, .. } if id == "gone"),
        "{gone:?}"
    );
}

#[tokio::test]
async fn a_job_that_was_added_in_front_is_retried_in_front() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let job = queue.add("n", ()).id("front").lifo().await.unwrap();
    let mut fetcher = rig.client.fetcher("q").token("t").open().await.unwrap();
    let mut held = fetcher.try_next().await.unwrap().into_job().unwrap();
    held.move_to_failed("boom").await.unwrap();
    add(&rig, &["a", "b"]).await;
    job.retry().await.unwrap();
    assert_eq!(rig.list("wait").await, ["b", "a", "front"]);
}

#[tokio::test]
async fn a_delayed_job_is_promoted_or_delayed_anew() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let job = queue.add("n", ()).id("later").delay(HOUR).await.unwrap();
    job.change_delay(HOUR * 2).await.unwrap();
    let hash = rig.hash("later").await;
    assert_eq!(hash["delay"], "7200000");
    let due: f64 = rig
        .redis
        .clone()
        .zscore(rig.key("delayed"), "later")
        .await
        .unwrap();
    let ahead = due / 4096.0 - hash["timestamp"].parse::<f64>().unwrap();
    assert!((7_200_000.0..7_230_000.0).contains(&ahead), "{ahead}");
    job.promote().await.unwrap();
    assert_eq!(rig.list("wait").await, ["later"]);
    assert_eq!(rig.hash("later").await["delay"], "0");
    for refused in [job.promote().await, job.change_delay(HOUR).await] {
        assert!(
            matches!(refused, Err(Error::WrongState { .. })),
            "{refused:?}"
        );
    }
    let gone = queue.job("gone").change_delay(HOUR).await;
    assert!(matches!(gone, Err(Error::JobNotFound { .. })), "{gone:?}");
}

#[tokio::test]
async fn a_job_s_priority_changes_with_its_place() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    add(&rig, &["a", "b", "c"]).await;
    queue.add("n", ()).id("p").priority(5).await.unwrap();
    queue.job("a").change_priority(5).await.unwrap();
    queue.job("b").change_priority(5).lifo().await.unwrap();
    assert_eq!(ids(&rig, "prioritized").await, ["b", "p", "a"]);
    queue.job("p").change_priority(0).await.unwrap();
    assert_eq!(rig.list("wait").await, ["p", "c"]);
    assert_eq!(rig.hash("a").await["priority"], "5");
    let refused = queue.job("a").change_priority(2_097_152).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`priority` must be at most 2097151, got 2097152"
    );
    let gone = queue.job("gone").change_priority(1).await;
    assert!(matches!(gone, Err(Error::JobNotFound { .. })), "{gone:?}");
}

#[tokio::test]
async fn data_progress_and_log_are_changed_from_outside() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let job = queue.add("n", ()).id("j").keep_logs(2).await.unwrap();
    job.update_data(json!({"a": [1, "ü"]})).await.unwrap();
    job.update_progress(json!({"done": 3})).await.unwrap();
    let hash = rig.hash("j").await;
    assert_eq!(hash["data"], r#"{"a":[1,"ü"]}"#);
    assert_eq!(hash["progress"], r#"{"done":3}"#);
    assert_eq!(rig.events("j").await, ["waiting", "progress"]);

    let mut counts = Vec::new();
    for row in ["one", "two", "three"] {
        counts.push(job.log(row).await.unwrap());
    }
    assert_eq!(counts, [1, 2, 2]);
    assert_eq!(rig.list("j:logs").await, ["two", "three"]);
    assert_eq!(job.log("four").keep(0).await.unwrap(), 3);
    job.clear_logs(1).await.unwrap();
    assert_eq!(rig.list("j:logs").await, ["four"]);
    job.clear_logs(0).await.unwrap();
    assert_eq!(rig.list("j:logs").await, [""; 0]);

    let gone = queue.job("gone");
    for refused in [
        gone.update_data(1).await,
        gone.update_progress(1).await,
        gone.log("row").await.map(drop),
    ] {
        assert!(
            matches!(refused, Err(Error::JobNotFound { .. })),
            "{refused:?}"
        );
    }
    let bad = std::collections::BTreeMap::from([((1, 2), 3)]);
    let refused = job.update_data(&bad).await.unwrap_err();
    assert!(
        matches!(refused, Error::Invalid { field: "data", .. }),
        "{refused:?}"
    );
}

fn family() -> Flow {
    let grandchild = Flow::new("q", "n", ()).options(JobOptions::new().id("g"));
    let child = Flow::new("q", "n", ()).options(JobOptions::new().id("c1"));
    let other = Flow::new("q", "n", ()).options(JobOptions::new().id("c2").delay(HOUR));
    Flow::new("q", "n", ())
        .options(JobOptions::new().id("p"))
        .child(child.child(grandchild))
        .child(other)
}

#[tokio::test]
async fn a_job_is_removed_with_or_without_its_children() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    rig.client.flow(family()).await.unwrap();
    queue.job("c1").remove().keep_children().await.unwrap();
    assert!(rig.hash("c1").await.is_empty());
    assert!(!rig.hash("g").await.is_empty());
    let pending: Vec<String> = rig
        .redis
        .clone()
        .smembers(rig.key("p:dependencies"))
        .await
        .unwrap();
    assert_eq!(pending, [rig.key("c2")]);
    queue.job("p").remove().await.unwrap();
    assert!(rig.hash("p").await.is_empty() && rig.hash("c2").await.is_empty());
    // Nothing to remove is no fault.
    queue.job("p").remove().await.unwrap();
}

#[tokio::test]
async fn a_job_that_a_worker_or_a_scheduler_needs_is_not_removed() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    add(&rig, &["a"]).await;
    let mut fetcher = rig.client.fetcher("q").token("t").open().await.unwrap();
    let _held = fetcher.try_next().await.unwrap();
    let refused = queue.job("a").remove().await.unwrap_err();
    assert!(
        matches!(&refused, Error::JobLocked { id, .. } if id == "a"),
        "{refused:?}"
    );
    let armed = queue.scheduler("s").every(HOUR).await.unwrap().job;
    let refused = armed.remove().await.unwrap_err();
    assert!(
        matches!(&refused, Error::SchedulerJob { id, .. } if id == armed.id()),
        "{refused:?}"
    );
    assert!(!rig.hash(armed.id()).await.is_empty());
}

#[tokio::test]
async fn a_parent_is_freed_of_its_children() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    rig.client.flow(family()).await.unwrap();
    assert!(queue.job("c2").remove_child_dependency().await.unwrap());
    assert!(!rig.hash("c2").await.contains_key("parentKey"));
    assert!(!queue.job("c2").remove_child_dependency().await.unwrap());
    assert_eq!(rig.state("p").await, "waiting-children");
    queue.job("p").remove_unprocessed_children().await.unwrap();
    assert!(rig.hash("c1").await.is_empty() && rig.hash("g").await.is_empty());
    assert_eq!(rig.state("p").await, "waiting");

    rig.client.flow(family()).await.unwrap();
    let gone = queue.job("gone").remove_child_dependency().await;
    assert!(matches!(gone, Err(Error::JobNotFound { .. })), "{gone:?}");
}

#[tokio::test]
async fn a_child_whose_parent_is_gone_says_so() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    rig.client.flow(family()).await.unwrap();
    let _: i64 = rig.redis.clone().del(rig.key("p")).await.unwrap();
    let refused = queue.job("c2").remove_child_dependency().await.unwrap_err();
    assert!(
        matches!(&refused, Error::ParentNotFound { parent, .. } if *parent == rig.key("p")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn deduplication_windows_are_opened_by_their_owner_or_by_id() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let simple = |id: &str| Deduplication::simple(id);
    let owner = queue.add("n", ()).deduplicate(simple("x")).await.unwrap();
    assert_eq!(
        queue
            .add("n", ())
            .deduplicate(simple("x"))
            .await
            .unwrap()
            .id(),
        owner.id()
    );
    assert!(owner.remove_deduplication_key().await.unwrap());
    assert!(!owner.remove_deduplication_key().await.unwrap());
    let next = queue.add("n", ()).deduplicate(simple("x")).await.unwrap();
    assert_ne!(next.id(), owner.id());
    // It is the next job's by now.
    assert!(!owner.remove_deduplication_key().await.unwrap());
    assert!(queue.remove_deduplication_key("x").await.unwrap());
    assert!(!queue.remove_deduplication_key("x").await.unwrap());
    let gone = queue.job("gone").remove_deduplication_key().await;
    assert!(matches!(gone, Err(Error::JobNotFound { .. })), "{gone:?}");
}

#[tokio::test]
async fn the_event_stream_is_cut() {
    let rig = Rig::start().await;
    let jobs = (0..300).map(|_| NewJob::new("n", Value::Null));
    rig.queue().add_all(jobs).await.unwrap();
    let before: u64 = rig.redis.clone().xlen(rig.key("events")).await.unwrap();
    assert_eq!(before, 600);
    let cut = rig.queue().trim_events(0).await.unwrap();
    let after: u64 = rig.redis.clone().xlen(rig.key("events")).await.unwrap();
    assert_eq!(cut, before - after);
    assert!(after < 100, "{after}");
}
