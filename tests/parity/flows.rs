//! Flows whose jobs are there already, fail, or are taken apart.

use std::time::Duration;

use bullrs::{Flow, JobState, Outcome, job::ChildKind};
use redis::AsyncCommands;

use crate::{
    Work,
    support::{Rig, eventually},
};

fn job(id: &str) -> Flow {
    Flow::new("q", id, ()).id(id)
}

#[tokio::test]
async fn a_child_that_is_there_without_a_parent_joins_and_ends_for_it() {
    let rig = Rig::start().await;
    let gate = std::sync::Arc::new(tokio::sync::Notify::new());
    let open = std::sync::Arc::clone(&gate);
    let worker = Work::on(&rig, "q", move |job| {
        let gate = std::sync::Arc::clone(&gate);
        async move {
            if job.name() == "mon" {
                gate.notified().await;
            }
            Ok(Outcome::null())
        }
    })
    .await;
    rig.client.flow(job("mon")).await.unwrap();
    rig.wait_for_state("mon", "active").await;
    // It runs already, and its end counts for the parent that comes now.
    rig.client.flow(job("tue").child(job("mon"))).await.unwrap();
    rig.client.flow(job("wed").child(job("tue"))).await.unwrap();
    assert_eq!(rig.state("wed").await, "waiting-children");
    open.notify_one();
    rig.wait_for_state("wed", "completed").await;
    // A child that has completed before holds nobody up.
    rig.client.flow(job("thu").child(job("wed"))).await.unwrap();
    rig.wait_for_state("thu", "completed").await;
    worker.stop().await;
}

#[tokio::test]
async fn a_parent_that_is_added_again_finds_its_child_done() {
    let rig = Rig::start().await;
    let worker = Work::idle(&rig, "q").await;
    let flow = || {
        job("tue")
            .keep_completed(bullrs::Keep::none())
            .child(job("mon"))
    };
    rig.client.flow(flow()).await.unwrap();
    rig.wait_for_state("tue", "unknown").await;
    rig.client.flow(job("tue").child(job("mon"))).await.unwrap();
    rig.wait_for_state("tue", "completed").await;
    worker.stop().await;
}

#[tokio::test]
async fn roots_with_one_deduplication_id_are_one_job() {
    let rig = Rig::start().await;
    let single = |name: &str| {
        Flow::new("q", name, ())
            .deduplicate("single")
            .delay(Duration::from_mins(1))
    };
    let trees = rig.client.flows([single("a"), single("b")]).await.unwrap();
    assert_eq!(trees[0].job.id(), trees[1].job.id());
    let stands = rig.queue().deduplication_job_id("single").await.unwrap();
    assert_eq!(stands.as_deref(), Some(trees[0].job.id()));
    let mut calls = Vec::new();
    for _ in 0..8 {
        calls.push(tokio::spawn(rig.client.flow(single("c")).into_future()));
    }
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().job.id(), trees[0].job.id());
    }
}

#[tokio::test]
async fn a_failure_climbs_until_a_rule_stops_it() {
    let rig = Rig::start().await;
    let leaf = |id: &str| Flow::new("g", "bad", ()).id(id).fail_parent_on_failure();
    let mid = |id: &str, leaf_id: &str| Flow::new("c", "mid", ()).id(id).child(leaf(leaf_id));
    let flows = [
        job("all").child(mid("m1", "l1").fail_parent_on_failure()),
        job("drops").child(mid("m2", "l2").remove_dependency_on_failure()),
        job("passes").child(mid("m3", "l3").ignore_dependency_on_failure()),
        job("gone").child(
            mid("m4", "l4")
                .fail_parent_on_failure()
                .keep_failed(bullrs::Keep::none()),
        ),
    ];
    rig.client.flows(flows).await.unwrap();
    let leaves = Work::on(&rig, "g", |_| async { Err("broken".into()) }).await;
    let mids = Work::idle(&rig, "c").await;
    for id in ["m1", "m2", "m3"] {
        let mid = rig.client.queue("c").job(id);
        eventually("the middle to fail", || async {
            mid.state().await.unwrap() == JobState::Failed
        })
        .await;
    }
    // Those that do not fail wait for a worker; the others need one to fail, too.
    rig.wait_for_state("drops", "waiting").await;
    rig.wait_for_state("passes", "waiting").await;
    let passes = rig.queue().job("passes");
    assert_eq!(passes.ignored_children_failures().await.unwrap().len(), 1);
    let roots = Work::idle(&rig, "q").await;
    for (root, mid) in [("all", "m1"), ("gone", "m4")] {
        rig.wait_for_state(root, "failed").await;
        let reason = format!("child {}:c:{mid} failed", rig.prefix);
        assert_eq!(rig.hash(root).await["failedReason"], reason);
        let counts = rig.queue().job(root).children_counts().await.unwrap();
        assert_eq!((counts.failed, counts.unprocessed), (1, 0));
    }
    assert!(!rig.client.queue("c").job("m4").exists().await.unwrap());
    for worker in [leaves, mids, roots] {
        worker.stop().await;
    }
}

#[tokio::test]
async fn a_parent_goes_on_where_its_options_send_it_when_a_child_fails() {
    let rig = Rig::start().await;
    let child = |id: &str| {
        Flow::new("c", "bad", ())
            .id(id)
            .continue_parent_on_failure()
    };
    let flows = [
        job("later")
            .delay(Duration::from_hours(1))
            .child(child("a")),
        job("urgent").priority(42).child(child("b")),
        // Its other child is still pending.
        job("early")
            .child(child("c"))
            .child(Flow::new("nobody", "pending", ())),
    ];
    rig.client.flows(flows).await.unwrap();
    let worker = Work::on(&rig, "c", |_| async { Err("failed".into()) }).await;
    rig.wait_for_state("later", "delayed").await;
    rig.wait_for_state("urgent", "prioritized").await;
    rig.wait_for_state("early", "waiting").await;
    let early = rig.queue().job("early");
    assert_eq!(
        early.ignored_children_failures().await.unwrap(),
        [(format!("{}:c:c", rig.prefix), "failed".to_owned())]
    );
    worker.stop().await;
}

#[tokio::test]
async fn children_that_are_retried_are_pending_again() {
    let rig = Rig::start().await;
    rig.client
        .flow(job("root").child(Flow::new("c", "once", ()).id("once")))
        .await
        .unwrap();
    let tries = std::sync::atomic::AtomicU32::new(0);
    let worker = Work::on(&rig, "c", move |_| {
        let first = tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        async move {
            if first {
                return Err("not yet".into());
            }
            Ok(Outcome::null())
        }
    })
    .await;
    let child = rig.client.queue("c").job("once");
    eventually("the child to fail", || async {
        child.is_failed().await.unwrap()
    })
    .await;
    assert_eq!(rig.state("root").await, "waiting-children");
    child.retry().await.unwrap();
    rig.wait_for_state("root", "waiting").await;
    worker.stop().await;
}

#[tokio::test]
async fn a_tree_is_taken_apart_from_below_and_as_a_whole() {
    let rig = Rig::start().await;
    let tree = job("a").child(job("b").child(job("c").child(job("d"))));
    rig.client.flow(tree).await.unwrap();
    for (leaf, above) in [("d", "c"), ("c", "b"), ("b", "a")] {
        assert_eq!(rig.state(above).await, "waiting-children");
        rig.queue().job(leaf).remove().await.unwrap();
        assert_eq!(rig.state(above).await, "waiting");
    }
    let tree = job("w").children([job("x").child(job("y")), job("z")]);
    rig.client.flow(tree).await.unwrap();
    rig.queue()
        .job("w")
        .remove_unprocessed_children()
        .await
        .unwrap();
    for id in ["x", "y", "z"] {
        assert_eq!(rig.state(id).await, "unknown");
    }
    assert_eq!(rig.state("w").await, "waiting");
    // What is gone already counts as removed; a job without children has none.
    rig.queue().job("x").remove().await.unwrap();
    let gone = rig.queue().job("x");
    assert_eq!(gone.children_counts().await.unwrap().processed, 0);
    assert!(
        gone.children(ChildKind::Processed)
            .all()
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_finished_tree_goes_with_its_root_and_spares_what_is_above() {
    let rig = Rig::start().await;
    let tree = Flow::new("above", "top", ())
        .id("top")
        .child(job("root").children([job("left"), job("right").child(job("leaf"))]));
    rig.client.flow(tree).await.unwrap();
    let worker = Work::idle(&rig, "q").await;
    rig.wait_for_state("root", "completed").await;
    worker.stop().await;
    rig.queue().job("root").remove().await.unwrap();
    for id in ["root", "left", "right", "leaf"] {
        assert_eq!(rig.state(id).await, "unknown");
    }
    let top = rig.client.queue("above").job("top");
    assert_eq!(top.state().await.unwrap(), JobState::Waiting);
}

#[tokio::test]
async fn a_spoilt_key_below_a_flow_is_an_error_and_a_missing_child_is_not() {
    let rig = Rig::start().await;
    rig.client
        .flow(job("root").child(job("leaf")))
        .await
        .unwrap();
    let mut redis = rig.redis.clone();
    let _: () = redis.del(rig.key("leaf")).await.unwrap();
    let tree = rig.client.flow_tree("q", "root").await.unwrap().unwrap();
    assert_eq!((tree.record.id.as_str(), tree.children.len()), ("root", 0));
    for id in ["root", "leaf"] {
        let rig = Rig::start().await;
        rig.client
            .flow(job("root").child(job("leaf")))
            .await
            .unwrap();
        let key = rig.key(&format!("{id}:dependencies"));
        let _: () = redis.del(&key).await.unwrap();
        let _: () = redis.set(&key, "no set").await.unwrap();
        let error = rig.client.flow_tree("q", "root").await.unwrap_err();
        assert!(error.to_string().contains("WRONGTYPE"), "{error}");
    }
}

#[tokio::test]
async fn of_a_flow_with_children_of_one_the_missing_parent_is_named() {
    let rig = Rig::start().await;
    let parent = bullrs::Parent::new(&rig.queue(), "missing");
    let error = rig
        .client
        .flow(job("orphan").parent(parent.clone()))
        .await
        .unwrap_err();
    let named = format!("parent job `{}`", rig.key("missing"));
    assert!(error.to_string().contains(&named), "{error}");
    let error = rig
        .client
        .flows([job("good"), job("orphan").parent(parent)])
        .await
        .unwrap_err();
    assert!(error.to_string().contains(&named), "{error}");
    assert_eq!(rig.state("orphan").await, "unknown");
}
