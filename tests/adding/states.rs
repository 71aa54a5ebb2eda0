//! Where a job goes when it is added.

use std::time::Duration;

use bullrs::JobOptions;
use futures_util::future::try_join_all;
use serde_json::json;

use super::seen::{AT, events, keys, opts, scores, text};
use crate::support::Rig;

#[tokio::test]
async fn a_plain_job_leaves_what_stock_leaves() {
    let rig = Rig::start().await;
    let job = rig
        .queue()
        .add("x", json!({"a": 1}))
        .timestamp(AT)
        .await
        .unwrap();

    assert_eq!(job.id(), "1");
    assert_eq!(
        keys(&rig).await,
        ["q:1", "q:events", "q:id", "q:marker", "q:meta", "q:wait"]
    );
    let hash = rig.hash("1").await;
    let fields: Vec<(&str, &str)> = hash.iter().map(|(f, v)| (f.as_str(), v.as_str())).collect();
    assert_eq!(
        fields,
        [
            ("data", r#"{"a":1}"#),
            ("delay", "0"),
            ("name", "x"),
            ("opts", r#"{"timestamp":1790000000000,"attempts":0}"#),
            ("priority", "0"),
            ("timestamp", "1790000000000"),
        ]
    );
    assert_eq!(rig.list("wait").await, ["1"]);
    assert_eq!(scores(&rig, "marker").await, [("0".to_owned(), 0.0)]);
    assert_eq!(
        events(&rig, "q").await,
        ["added jobId=1 name=x", "waiting jobId=1"]
    );
}

#[tokio::test]
async fn delayed_jobs_of_one_ms_keep_their_order() {
    let rig = Rig::start().await;
    for _ in 0..3 {
        let job = rig.queue().add("x", ()).timestamp(AT);
        job.delay(Duration::from_secs(50)).await.unwrap();
    }
    let due = AT + 50_000;
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
    let score = (due * 4096) as f64;
    let expected = [("1", score), ("2", score + 1.0), ("3", score + 2.0)];
    assert_eq!(
        scores(&rig, "delayed").await,
        expected.map(|(id, score)| (id.to_owned(), score))
    );
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53")]
    let next = due as f64;
    assert_eq!(scores(&rig, "marker").await, [("1".to_owned(), next)]);
    assert_eq!(
        events(&rig, "q").await[1],
        format!("delayed delay={due} jobId=1")
    );
    assert_eq!(rig.hash("1").await["delay"], "50000");
}

#[tokio::test]
async fn priorities_and_ids_are_placed_as_stock_places_them() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    queue.add("x", ()).priority(5).await.unwrap();
    queue.add("x", ()).priority(2_097_151).await.unwrap();
    assert_eq!(
        scores(&rig, "prioritized").await,
        [
            ("1".to_owned(), 21_474_836_481.0),
            ("2".to_owned(), 9_007_194_959_773_698.0)
        ]
    );
    assert_eq!(text(&rig, "pc").await.unwrap(), "2");

    queue.add("x", ()).await.unwrap();
    queue.add("x", ()).lifo().await.unwrap();
    let named = queue.add("x", ()).id("mine").await.unwrap();
    let again = queue.add("y", ()).id("mine").await.unwrap();
    assert_eq!((named.id(), again.id()), ("mine", "mine"));
    assert_eq!(rig.list("wait").await, ["mine", "3", "4"]);
    assert_eq!(rig.hash("mine").await["name"], "x");
    assert_eq!(
        events(&rig, "q").await.last().unwrap(),
        "duplicated jobId=mine"
    );
    // A number is used up by every attempt to add.
    assert_eq!(text(&rig, "id").await.unwrap(), "6");
}

#[tokio::test]
async fn odd_numbers_of_a_node_app_are_taken_as_they_are() {
    let rig = Rig::start().await;
    let odd = r#"{"delay":100.5,"attempts":1.7976931348623157e308,"removeOnFail":-1,
        "backoff":100.5,"timestamp":1790000000000}"#;
    let job = rig
        .queue()
        .add("x", ())
        .options(JobOptions::from_json(odd).unwrap());
    job.await.unwrap();
    let hash = rig.hash("1").await;
    assert_eq!(hash["delay"], "100.5");
    assert_eq!(
        opts(&rig, "1").await,
        json!({"attempts": 1.797_693_134_862_3e308, "backoff": {"type": "fixed", "delay": 100.5},
            "delay": 100.5, "removeOnFail": -1, "timestamp": AT})
    );
    assert_eq!(
        scores(&rig, "delayed").await,
        [("1".to_owned(), 7_331_840_000_411_648.0)]
    );

    // Text delays nothing, and a negative number is no delay.
    for (id, delay) in [("2", json!("500")), ("3", json!(-5))] {
        rig.queue()
            .add("x", ())
            .option("delay", delay)
            .await
            .unwrap();
        assert_eq!(rig.state(id).await, "waiting");
    }
    assert_eq!(rig.hash("2").await["delay"], "500");
}

#[tokio::test]
async fn a_paused_queue_takes_jobs_and_wakes_nobody() {
    let rig = Rig::start().await;
    let key = rig.key("meta");
    let settings = [("paused", "1"), ("version", "bullmq:6.7.0")];
    let () = redis::AsyncCommands::hset_multiple(&mut rig.redis.clone(), key, &settings)
        .await
        .unwrap();
    rig.queue().add("x", ()).await.unwrap();
    rig.queue().add("x", ()).priority(1).await.unwrap();
    assert_eq!(rig.list("wait").await, ["1"]);
    assert_eq!(scores(&rig, "marker").await, []);
}

#[tokio::test]
async fn many_may_add_at_the_same_time() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let adding = (0..500).map(|number| queue.add("x", number).into_future());
    let jobs = try_join_all(adding).await.unwrap();
    let mut ids: Vec<u32> = jobs.iter().map(|job| job.id().parse().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=500).collect::<Vec<_>>());
    assert_eq!(queue.counts().await.unwrap().wait, 500);
}
