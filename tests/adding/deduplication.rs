//! Deduplication in every mode (WIRE §4.3).

use std::time::Duration;

use bullrs::{Deduplication, NewJob};
use redis::AsyncCommands;

use super::seen::{AT, events, keys, scores, text};
use crate::support::Rig;

const MINUTE: Duration = Duration::from_mins(1);

async fn ttl(rig: &Rig) -> i64 {
    rig.redis.clone().pttl(rig.key("de:a")).await.unwrap()
}

#[tokio::test]
async fn a_simple_one_lasts_as_long_as_its_job() {
    let rig = Rig::start().await;
    let first = rig.queue().add("x", 1).deduplicate("a").await.unwrap();
    let second = rig.queue().add("x", 2).deduplicate("a").await.unwrap();
    let other = rig.queue().add("x", 3).deduplicate("b").await.unwrap();
    assert_eq!((first.id(), second.id(), other.id()), ("1", "1", "3"));
    assert_eq!(rig.list("wait").await, ["3", "1"]);
    assert_eq!(
        (text(&rig, "de:a").await.as_deref(), ttl(&rig).await),
        (Some("1"), -1)
    );
    assert_eq!(
        events(&rig, "q").await[2],
        "deduplicated deduplicatedJobId=2 deduplicationId=a jobId=1"
    );
}

#[tokio::test]
async fn a_throttle_lasts_for_its_time() {
    let rig = Rig::start().await;
    let throttle = || Deduplication::throttle("a", MINUTE);
    rig.queue()
        .add("x", 1)
        .deduplicate(throttle())
        .await
        .unwrap();
    let left = ttl(&rig).await;
    assert!((1..=60_000).contains(&left), "{left}");
    let queue = rig.queue();
    let jobs = queue.add_all([1, 2].map(|n| NewJob::new("x", n).deduplicate(throttle())));
    let ids: Vec<String> = jobs
        .await
        .unwrap()
        .iter()
        .map(|job| job.id().to_owned())
        .collect();
    assert_eq!(ids, ["1", "1"]);
    let () = rig.redis.clone().del(rig.key("de:a")).await.unwrap();
    let job = rig
        .queue()
        .add("x", 2)
        .deduplicate(throttle())
        .await
        .unwrap();
    assert_eq!(job.id(), "4");
}

#[tokio::test]
async fn a_debounce_replaces_the_delayed_job() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let debounce = || Deduplication::debounce("a", MINUTE);
    queue
        .add("x", 1)
        .delay(MINUTE)
        .deduplicate(debounce())
        .await
        .unwrap();
    let second = queue
        .add("x", 2)
        .delay(MINUTE)
        .deduplicate(debounce())
        .await
        .unwrap();
    assert_eq!(second.id(), "2");
    assert_eq!(text(&rig, "de:a").await.unwrap(), "2");
    assert_eq!(
        keys(&rig).await,
        [
            "q:2",
            "q:de:a",
            "q:delayed",
            "q:events",
            "q:id",
            "q:marker",
            "q:meta"
        ]
    );
    assert_eq!(
        events(&rig, "q").await[2..5],
        [
            "removed jobId=1 prev=delayed",
            "deduplicated deduplicatedJobId=1 deduplicationId=a jobId=2",
            "added jobId=2 name=x",
        ]
    );
}

#[tokio::test]
async fn the_last_job_is_kept_while_the_first_runs() {
    let rig = Rig::start().await;
    let rule = || Deduplication::simple("a").keep_last_if_active();
    rig.queue().add("x", 1).deduplicate(rule()).await.unwrap();
    let (wait, active) = (rig.key("wait"), rig.key("active"));
    let _: String = rig.redis.clone().rpoplpush(wait, active).await.unwrap();
    for number in [2, 3] {
        let job = rig
            .queue()
            .add("x", number)
            .deduplicate(rule())
            .await
            .unwrap();
        assert_eq!(job.id(), "1");
    }
    let kept = rig.hash("dn:a").await;
    assert_eq!((kept["data"].as_str(), kept["jid"].as_str()), ("3", "3"));
}

#[tokio::test]
async fn a_rescheduling_one_delays_the_first_job_anew() {
    let rig = Rig::start().await;
    let rule = || Deduplication::simple("a").reschedule();
    for seconds in [60, 90] {
        let job = rig.queue().add("x", 1).timestamp(AT).deduplicate(rule());
        job.delay(Duration::from_secs(seconds)).await.unwrap();
    }
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
    let due = ((AT + 90_000) * 4096) as f64;
    assert_eq!(scores(&rig, "delayed").await, [("1".to_owned(), due)]);
    assert_eq!(rig.hash("1").await["delay"], "90000");
}
