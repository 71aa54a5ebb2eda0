//! Options, from the builder to the stored text.

use std::time::Duration;

use bullrs::{Backoff, Deduplication, JobOptions, Keep, NewJob};
use serde_json::json;

use super::seen::{AT, opts};
use crate::support::Rig;

/// Every option but those that exclude others.
fn all() -> JobOptions {
    JobOptions::new()
        .id("mine")
        .delay(Duration::from_secs(5))
        .priority(3)
        .lifo()
        .attempts(4)
        .backoff(
            Backoff::custom("own")
                .delay(Duration::from_millis(250))
                .jitter(0.5),
        )
        .keep_completed(
            Keep::for_at_most(Duration::from_hours(1))
                .count(100)
                .limit(10),
        )
        .keep_failed(Keep::last(7))
        .keep_logs(20)
        .stack_trace_limit(2)
        .size_limit(1000)
        .timestamp(AT)
        .deduplicate(Deduplication::throttle("once", Duration::from_mins(1)))
        .ignore_dependency_on_failure()
        .telemetry(r#"{"traceparent":"00-1-2-01"}"#)
        .timeout(Duration::from_secs(30))
        .ttl(Duration::from_mins(5))
        .option("mine", json!({"z": [1, "a/b"], "a": null}))
}

#[tokio::test]
async fn every_option_is_stored_under_the_name_that_stock_reads() {
    let rig = Rig::start().await;
    rig.queue().add("x", ()).options(all()).await.unwrap();
    assert_eq!(
        opts(&rig, "mine").await,
        json!({
            "attempts": 4, "jobId": "mine", "delay": 5000, "priority": 3, "lifo": true,
            "backoff": {"type": "own", "delay": 250, "jitter": 0.5},
            "removeOnComplete": {"age": 3600, "count": 100, "limit": 10}, "removeOnFail": 7,
            "kl": 20, "stackTraceLimit": 2, "sizeLimit": 1000, "timestamp": AT,
            "de": {"id": "once", "ttl": 60000}, "idof": true,
            "tm": r#"{"traceparent":"00-1-2-01"}"#, "timeout": 30000, "ttl": 300_000,
            "mine": {"z": [1, "a/b"]},
        })
    );
    assert_eq!(rig.hash("mine").await["deid"], "once");
}

#[tokio::test]
async fn options_read_from_json_store_the_same_text() {
    let rig = Rig::start().await;
    let text = serde_json::to_string(&all()).unwrap();
    let read = JobOptions::from_json(&text).unwrap();
    assert_eq!(read, all());
    rig.queue().add("x", ()).options(all()).await.unwrap();
    let other = rig.client.queue("other");
    other.add("x", ()).options(read).await.unwrap();
    let key = format!("{}:other:mine", rig.prefix);
    let stored: String = redis::AsyncCommands::hget(&mut rig.redis.clone(), key, "opts")
        .await
        .unwrap();
    assert_eq!(stored, rig.hash("mine").await["opts"]);
}

#[tokio::test]
async fn the_single_and_the_bulk_builder_set_the_same_options() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let minute = Duration::from_mins(1);
    let single = queue
        .add("x", ())
        .attempts(2)
        .backoff(minute)
        .keep_failed(Keep::none());
    single.omit_telemetry_context().await.unwrap();
    let bulk = NewJob::new("x", ())
        .attempts(2)
        .backoff(minute)
        .keep_failed(Keep::none());
    queue
        .add_all([bulk.omit_telemetry_context()])
        .await
        .unwrap();
    let expected = json!({"attempts": 2, "backoff": {"type": "fixed", "delay": 60000},
        "removeOnFail": true, "omc": true});
    assert_eq!(opts(&rig, "1").await, expected);
    assert_eq!(opts(&rig, "2").await, expected);
}

#[tokio::test]
async fn a_queue_has_defaults_that_a_job_may_override() {
    let rig = Rig::start().await;
    let defaults = JobOptions::new()
        .id("never")
        .attempts(3)
        .keep_completed(Keep::all());
    let queue = rig.queue().defaults(defaults);
    queue.add("x", ()).await.unwrap();
    queue.add("x", ()).attempts(5).id("mine").await.unwrap();
    queue.add("x", ()).option("attempts", ()).await.unwrap();
    queue.add_all([NewJob::new("x", ()).lifo()]).await.unwrap();
    let expected = json!({"attempts": 3, "removeOnComplete": false});
    assert_eq!(opts(&rig, "1").await, expected);
    let expected = json!({"attempts": 5, "removeOnComplete": false, "jobId": "mine"});
    assert_eq!(opts(&rig, "mine").await, expected);
    assert_eq!(opts(&rig, "3").await, json!({"removeOnComplete": false}));
    let expected = json!({"attempts": 3, "removeOnComplete": false, "lifo": true});
    assert_eq!(opts(&rig, "4").await, expected);
}

#[test]
fn the_data_of_a_job_is_in_no_debug_text() {
    let job = NewJob::new("x", json!({"password": "canary"})).attempts(2);
    let shown = format!("{job:?}");
    assert!(
        shown.contains("attempts") && !shown.contains("canary"),
        "{shown}"
    );
}
