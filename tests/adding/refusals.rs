//! What is refused before anything is sent.

use std::{collections::BTreeMap, time::Duration};

use bullrs::{Backoff, Deduplication, Error, JobOptions, NewJob, Parent};
use serde_json::json;

use super::seen::keys;
use crate::support::Rig;

#[tokio::test]
async fn what_stock_refuses_is_refused_and_leaves_nothing() {
    let rig = Rig::start().await;
    let options = JobOptions::new;
    let minute = Duration::from_mins(1);
    for (options, fault) in [
        (
            options().id("0"),
            "`jobId` must not be `0` nor start with `0:`, got `0`",
        ),
        (
            options().id("0:x"),
            "`jobId` must not be `0` nor start with `0:`, got `0:x`",
        ),
        (
            options().id("12"),
            "`jobId` must not be a whole number, got `12`",
        ),
        (
            options().id("a:b"),
            "`jobId` must not contain `:`, got `a:b`",
        ),
        (
            options().priority(2_097_152),
            "`priority` must be between 0 and 2097151, got 2097152",
        ),
        (
            options().option("priority", 1.5),
            "`priority` must be a whole number, got 1.5",
        ),
        (
            options().size_limit(12),
            "The size of job x exceeds the limit 12 bytes: it is 15",
        ),
        (
            options().backoff(Backoff::fixed(minute).jitter(1.5)),
            "`jitter` must be from 0 to 1, got 1.5",
        ),
        (
            options().backoff(Backoff::fixed(minute).jitter(f64::NAN)),
            "`jitter` must be from 0 to 1, got NaN",
        ),
        (
            options().deduplicate(""),
            "`deduplication` must have an `id`",
        ),
        (
            options()
                .deduplicate("a")
                .parent(Parent::in_queue("bull:q", "p")),
            "`deduplication` and `parent` cannot be used together",
        ),
        (
            options().parent(Parent::in_queue("", "p")),
            "`parent` must have an `id` and a `queue` with its prefix, as `bull:images`",
        ),
        (
            options().parent(Parent::new(&rig.client.queue("a:b"), "p")),
            "`parent`: `queue` must not contain `:`, got `a:b`",
        ),
        (
            options()
                .fail_parent_on_failure()
                .remove_dependency_on_failure(),
            "The following options cannot be used together: \
             removeDependencyOnFailure, failParentOnFailure",
        ),
        (
            options().option("repeat", json!({"every": 1000})),
            "`repeat` repeats nothing any more: use a job scheduler",
        ),
        (
            options().option("debounce", json!({"id": "a"})),
            "`debounce` is no option any more: use `deduplication`",
        ),
        (
            options().option("mine", BTreeMap::from([((1, 2), 3)])),
            "`mine` has no JSON form: key must be a string",
        ),
        (
            options().delay(Duration::MAX),
            "`delay` must be less than 2^53 ms",
        ),
    ] {
        // 15 bytes as JSON, of which two characters have two.
        let refused = rig
            .queue()
            .add("x", json!({"foo": "éß!"}))
            .options(options)
            .await;
        let Err(Error::Options(faults)) = refused else {
            panic!("not refused: {fault}");
        };
        assert_eq!(faults, [fault]);
    }
    assert_eq!(keys(&rig).await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_limit_that_is_just_met_is_no_fault() {
    let rig = Rig::start().await;
    rig.queue()
        .add("x", json!({"foo": "éß!"}))
        .size_limit(15)
        .await
        .unwrap();
    assert_eq!(rig.hash("1").await["data"], r#"{"foo":"éß!"}"#);
}

#[tokio::test]
async fn all_faults_are_told_at_once_and_of_many_jobs_which() {
    let rig = Rig::start().await;
    let odd = || {
        JobOptions::new()
            .id("7")
            .option("priority", 0.5)
            .size_limit(1)
    };
    let error = rig
        .queue()
        .add("big", "text")
        .options(odd())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "The size of job big exceeds the limit 1 bytes: it is 6; \
         `jobId` must not be a whole number, got `7`; \
         `priority` must be a whole number, got 0.5"
    );
    let jobs = [
        NewJob::new("fine", 1),
        NewJob::new("big", 1).options(odd().size_limit(9)),
        NewJob::new("odd", BTreeMap::from([((1, 2), 3)])),
    ];
    let error = rig.queue().add_all(jobs).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "job 1 `big`: `jobId` must not be a whole number, got `7`; \
         job 1 `big`: `priority` must be a whole number, got 0.5; \
         job 2 `odd`: `data` has no JSON form: key must be a string"
    );
    let error = rig.client.queue("a:b").add("x", 1).await.unwrap_err();
    assert_eq!(error.to_string(), "`queue` must not contain `:`, got `a:b`");
    assert_eq!(keys(&rig).await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_debounce_has_all_its_parts() {
    let rule = Deduplication::debounce("a", Duration::from_secs(5));
    let options = JobOptions::new().deduplicate(rule);
    assert_eq!(
        options.get("deduplication").unwrap(),
        json!({"id": "a", "ttl": 5000, "extend": true, "replace": true})
    );
}
