//! Children of jobs that exist.

use bullrs::{Error, JobOptions, NewJob, Parent};
use redis::AsyncCommands;
use serde_json::json;

use super::seen::{keys, members, opts};
use crate::support::Rig;

#[tokio::test]
async fn a_child_is_linked_with_the_rule_for_its_failure() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let parent = queue.add("parent", ()).id("p").await.unwrap();
    let options = JobOptions::new;
    let rules = [
        (options(), None),
        (options().fail_parent_on_failure(), Some("fpof")),
        (options().continue_parent_on_failure(), Some("cpof")),
        (options().ignore_dependency_on_failure(), Some("idof")),
        (options().remove_dependency_on_failure(), Some("rdof")),
    ];
    let children = rig.client.queue("children");
    for (options, flag) in rules {
        let child = children.add("child", ()).options(options);
        let child = child
            .parent(Parent::new(&queue, parent.id()))
            .await
            .unwrap();
        let key = format!("{}:children:{}", rig.prefix, child.id());
        let fields = ["parentKey", "parent", "opts"];
        let found: [String; 3] = rig.redis.clone().hmget(key, &fields).await.unwrap();
        let [parent_key, link, stored] = found;
        assert_eq!(parent_key, rig.key("p"));
        let queue_key = format!("{}:q", rig.prefix);
        let mut expected = json!({"id": "p", "queueKey": queue_key});
        let mut expected_opts = json!({"attempts": 0, "parent": {"id": "p", "queue": queue_key}});
        if let Some(flag) = flag {
            expected[flag] = true.into();
            expected_opts[flag] = true.into();
        }
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&link).unwrap(),
            expected
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&stored).unwrap(),
            expected_opts
        );
    }
    let expected: Vec<String> = (1..=5)
        .map(|id| format!("{}:children:{id}", rig.prefix))
        .collect();
    assert_eq!(members(&rig, "q:p:dependencies").await, expected);
}

#[tokio::test]
async fn a_parent_that_is_gone_is_named() {
    let rig = Rig::start().await;
    let job = rig
        .queue()
        .add("x", ())
        .parent(Parent::new(&rig.queue(), "p"));
    let error = job.await.unwrap_err();
    assert!(matches!(&error, Error::ParentNotFound { parent, .. } if *parent == rig.key("p")));
    assert!(!error.is_transient() && !error.is_ambiguous());
    assert_eq!(keys(&rig).await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_job_that_is_there_joins_one_parent_only() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    for id in ["p", "other", "k"] {
        queue.add("x", ()).id(id).await.unwrap();
    }
    let join = |parent: &str| {
        queue
            .add("x", ())
            .id("k")
            .parent(Parent::new(&queue, parent))
    };
    assert_eq!(join("p").await.unwrap().id(), "k");
    assert_eq!(members(&rig, "q:p:dependencies").await, [rig.key("k")]);
    let error = join("other").await.unwrap_err();
    assert!(
        matches!(&error, Error::ParentTaken { id, .. } if id == "k"),
        "{error}"
    );
    assert_eq!(rig.hash("k").await["parentKey"], rig.key("p"));
    // The options of the job that was there stay.
    assert_eq!(opts(&rig, "k").await, json!({"attempts": 0, "jobId": "k"}));
}

#[tokio::test]
async fn of_many_jobs_only_the_one_without_its_parent_is_refused() {
    let rig = Rig::start().await;
    let lost = NewJob::new("lost", ()).parent(Parent::new(&rig.queue(), "p"));
    let jobs = [NewJob::new("x", ()), lost, NewJob::new("y", ())];
    let Err(Error::NotAdded(outcome)) = rig.queue().add_all(jobs).await else {
        panic!("the lost one was added");
    };
    assert_eq!(outcome.added, [(0, "1".to_owned()), (2, "2".to_owned())]);
    assert_eq!(outcome.refused.len(), 1);
    let refused = &outcome.refused[0];
    assert_eq!((refused.index, refused.name.as_str()), (1, "lost"));
    assert!(matches!(refused.error, Error::ParentNotFound { .. }));
    assert_eq!(rig.list("wait").await, ["2", "1"]);
}
