//! What adding a flow leaves and refuses.

use std::{collections::BTreeMap, time::Duration};

use bullrs::{Error, Flow, JobOptions, Parent};
use redis::AsyncCommands;
use serde_json::json;

use super::trees::{chain, events, hash, keys, members, named, opts, shape, sorted};
use crate::support::{Rig, Server};

#[tokio::test]
async fn a_parent_with_four_children_leaves_what_stock_leaves() {
    let rig = Rig::start().await;
    let children = [
        named("cq", "c-1").fail_parent_on_failure(),
        named("cq", "c-2").ignore_dependency_on_failure(),
        named("cq", "c-3"),
        named("cq", "c-4").remove_dependency_on_failure(),
    ];
    let tree = rig
        .client
        .flow(named("pq", "par").children(children))
        .await
        .unwrap();

    assert_eq!(shape(&tree), "par(c-1, c-2, c-3, c-4)");
    assert_eq!((tree.queue.as_str(), tree.name.as_str()), ("pq", "par"));
    assert_eq!(tree.job.state().await.unwrap(), "waiting-children");
    assert_eq!(tree.children[2].job.state().await.unwrap(), "waiting");
    assert_eq!(sorted(&rig, "pq:waiting-children").await, ["par"]);
    assert_eq!(
        members(&rig, "pq:par:dependencies").await,
        ["cq:c-1", "cq:c-2", "cq:c-3", "cq:c-4"]
    );
    let child = hash(&rig, "cq:c-1").await;
    let queue_key = format!("{}:pq", rig.prefix);
    assert_eq!(child["parentKey"], format!("{queue_key}:par"));
    assert_eq!(
        child["parent"],
        format!(r#"{{"id":"par","queueKey":"{queue_key}","fpof":true}}"#)
    );
    assert_eq!(
        opts(&rig, "cq:c-1").await,
        json!({"attempts": 0, "jobId": "c-1", "fpof": true,
            "parent": {"id": "par", "queue": queue_key}})
    );
    assert_eq!(
        opts(&rig, "pq:par").await,
        json!({"attempts": 0, "jobId": "par"})
    );
    assert_eq!(
        events(&rig, "pq").await,
        ["added par", "waiting-children par"]
    );
    assert_eq!(
        events(&rig, "cq").await[..4],
        ["added c-1", "waiting c-1", "added c-2", "waiting c-2"]
    );
    assert_eq!(hash(&rig, "pq:par").await["data"], "null");
}

#[tokio::test]
async fn levels_are_added_one_after_another_over_queues_and_prefixes() {
    let rig = Rig::start().await;
    let elsewhere = format!("{}-other", rig.prefix);
    let left = named("q", "a").children([
        named("q", "a1").delay(Duration::from_mins(1)),
        named("q", "a2").priority(2),
    ]);
    let right = named("q", "b").prefix(&elsewhere).child(named("q", "b1"));
    let tree = rig
        .client
        .flow(named("q", "root").children([left, right]))
        .await
        .unwrap();

    assert_eq!(shape(&tree), "root(a(a1, a2), b(b1))");
    assert_eq!(tree.children[1].prefix, elsewhere);
    assert_eq!(
        events(&rig, "q").await,
        [
            "added root",
            "waiting-children root",
            "added a",
            "waiting-children a",
            "added a1",
            "delayed a1",
            "added a2",
            "waiting a2",
            "added b1",
            "waiting b1",
        ]
    );
    let dependencies = format!("{}:q:root:dependencies", rig.prefix);
    let mut below: Vec<String> = rig.redis.clone().smembers(dependencies).await.unwrap();
    below.sort();
    assert_eq!(below, [format!("{elsewhere}:q:b"), rig.key("a")]);
    assert_eq!(
        hash(&rig, "q:b1").await["parentKey"],
        format!("{elsewhere}:q:b")
    );
    assert_eq!(
        (sorted(&rig, "q:delayed").await, rig.list("wait").await),
        (vec!["a1".into()], vec!["b1".into()])
    );
}

#[tokio::test]
async fn a_job_without_an_id_gets_one_of_its_own() {
    let rig = Rig::start().await;
    let flow = Flow::new("q", "root", json!({"a": 1})).child(Flow::new("q", "child", ()));
    let [first, second] = [flow.clone(), flow].map(|flow| rig.client.flow(flow).into_future());
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert_ne!(first.job.id(), second.job.id());
    assert_eq!(first.job.id().len(), 36);
    let stored = hash(&rig, &format!("q:{}", first.children[0].job.id())).await;
    assert_eq!(stored["parentKey"], rig.key(first.job.id()));
    assert!(
        !opts(&rig, &format!("q:{}", first.job.id()))
            .await
            .to_string()
            .contains("jobId")
    );
}

#[tokio::test]
async fn queues_of_a_flow_have_defaults() {
    let rig = Rig::start().await;
    let flow = named("q", "root")
        .attempts(7)
        .children([named("c", "a"), named("d", "b")]);
    rig.client
        .flow(flow)
        .defaults("q", JobOptions::new().attempts(3).priority(1))
        .defaults("c", JobOptions::new().attempts(2))
        .await
        .unwrap();
    assert_eq!(
        opts(&rig, "q:root").await,
        json!({"attempts": 7, "priority": 1, "jobId": "root"})
    );
    assert_eq!(opts(&rig, "c:a").await["attempts"], 2);
    assert_eq!(opts(&rig, "d:b").await["attempts"], 0);
}

#[tokio::test]
async fn several_flows_are_added_in_one_step() {
    let server = Server::start(false);
    let rig = Rig::on(&server.url()).await;
    rig.client.flow(named("q", "warm")).await.unwrap();
    let () = redis::cmd("CONFIG")
        .arg("RESETSTAT")
        .query_async(&mut rig.redis.clone())
        .await
        .unwrap();
    let flows = (0..20).map(|n| {
        let id = format!("r{n}");
        (0..50).fold(named("q", &id), |flow, m| {
            flow.child(named("c", &format!("{id}-{m}")))
        })
    });
    let trees = rig.client.flows(flows).await.unwrap();
    assert_eq!(trees.len(), 20);
    assert_eq!(trees[19].children[49].job.id(), "r19-49");
    let stats: String = redis::cmd("INFO")
        .arg("commandstats")
        .query_async(&mut rig.redis.clone())
        .await
        .unwrap();
    assert!(stats.contains("cmdstat_evalsha:calls=1,"), "{stats}");
    assert!(rig.client.flows([]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_flow_may_hang_under_a_job_that_is_there() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    queue.add("x", ()).id("p").await.unwrap();
    let flow = named("c", "root")
        .parent(Parent::new(&queue, "p"))
        .child(named("c", "leaf"));
    rig.client
        .flow(flow.clone().fail_parent_on_failure())
        .await
        .unwrap();
    assert_eq!(members(&rig, "q:p:dependencies").await, ["c:root"]);
    assert_eq!(
        hash(&rig, "c:root").await["parent"],
        format!(r#"{{"id":"p","queueKey":"{}:q","fpof":true}}"#, rig.prefix)
    );
}

#[tokio::test]
async fn under_a_parent_that_is_gone_nothing_is_added() {
    let rig = Rig::start().await;
    let parent = || Parent::new(&rig.queue(), "p");
    let flow = named("c", "root")
        .parent(parent())
        .child(named("c", "leaf"));
    let error = rig.client.flow(flow.clone()).await.unwrap_err();
    assert!(matches!(&error, Error::ParentNotFound { parent, .. } if *parent == rig.key("p")));
    assert_eq!(keys(&rig).await, [] as [&str; 0]);

    let Err(Error::NotAdded(outcome)) = rig.client.flows([named("c", "fine"), flow]).await else {
        panic!("added under nothing");
    };
    assert_eq!(outcome.added, [(0, "fine".to_owned())]);
    let refused: Vec<usize> = outcome
        .refused
        .iter()
        .map(|refused| refused.index)
        .collect();
    assert_eq!(refused, [1, 2]);
}

#[tokio::test]
async fn all_faults_of_all_jobs_are_told_and_nothing_is_added() {
    let rig = Rig::start().await;
    let odd = named("a:b", "odd").option("priority", 0.5);
    let twice = named("q", "twice")
        .fail_parent_on_failure()
        .continue_parent_on_failure();
    let no_json = Flow::new("q", "data", BTreeMap::from([((1, 2), 3)]));
    let deduplicated = named("q", "child").deduplicate("a");
    let flow =
        named("q", "root")
            .deduplicate("a")
            .children([odd.child(twice), no_json, deduplicated]);
    let error = rig.client.flow(flow).await.unwrap_err();
    let Error::Options(faults) = error else {
        panic!("{error}");
    };
    assert_eq!(
        faults,
        [
            "job 0 `root` for queue `q`: `deduplication` cannot be used on a job with children",
            "job 1 `odd` for queue `a:b`: `queue` must not contain `:`, got `a:b`",
            "job 2 `data` for queue `q`: `data` has no JSON form: key must be a string",
            "job 3 `child` for queue `q`: `deduplication` and `parent` cannot be used together",
            "job 4 `twice` for queue `q`: The following options cannot be used together: \
             failParentOnFailure, continueParentOnFailure",
        ]
    );
    assert_eq!(keys(&rig).await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_single_job_may_deduplicate() {
    let rig = Rig::start().await;
    let flow = || Flow::new("q", "x", ()).deduplicate("a");
    let first = rig.client.flow(flow()).await.unwrap();
    let second = rig.client.flow(flow()).await.unwrap();
    assert_eq!(first.job.id(), second.job.id());
}

#[tokio::test]
async fn a_parent_whose_children_had_all_finished_runs_at_once() {
    let rig = Rig::start().await;
    rig.queue().add("x", ()).id("done").await.unwrap();
    let mut redis = rig.redis.clone();
    let () = redis.lrem(rig.key("wait"), 1, "done").await.unwrap();
    let () = redis.zadd(rig.key("completed"), "done", 5).await.unwrap();
    let () = redis
        .hset(rig.key("done"), "returnvalue", r#"{"r":1}"#)
        .await
        .unwrap();

    rig.client
        .flow(named("q", "root").child(named("q", "done")))
        .await
        .unwrap();

    assert_eq!(rig.list("wait").await, ["root"]);
    assert_eq!(
        hash(&rig, "q:root:processed").await[&rig.key("done")],
        r#"{"r":1}"#
    );
    assert_eq!(events(&rig, "q").await.last().unwrap(), "waiting root");
}

#[tokio::test]
async fn a_child_that_belongs_to_another_parent_is_told() {
    let rig = Rig::start().await;
    rig.client
        .flow(named("q", "first").child(named("q", "k")))
        .await
        .unwrap();
    let second = named("q", "second").children([named("q", "k"), named("q", "new")]);
    let Err(Error::NotAdded(outcome)) = rig.client.flow(second).await else {
        panic!("a child has two parents");
    };
    assert_eq!(
        outcome.added,
        [(0, "second".to_owned()), (2, "new".to_owned())]
    );
    assert!(matches!(&outcome.refused[0].error, Error::ParentTaken { id, .. } if id == "k"));
    assert_eq!(members(&rig, "q:second:dependencies").await, ["q:new"]);
    assert_eq!(sorted(&rig, "q:waiting-children").await.len(), 2);
}

#[tokio::test]
async fn deep_and_wide_flows_are_added_and_deeper_ones_refused() {
    let rig = Rig::start().await;
    let tree = rig.client.flow(chain(1000)).await.unwrap();
    assert_eq!(tree.job.id(), "l1000");
    assert_eq!(hash(&rig, "q:l1").await["parentKey"], rig.key("l2"));
    drop(tree);

    let deeper = chain(5000);
    assert!(format!("{deeper:?}").len() < 300);
    let error = rig.client.flow(deeper).await.unwrap_err();
    assert!(
        error.to_string().contains("a flow has at most 1000 levels"),
        "{error}"
    );

    let wide = (0..5000).fold(named("w", "root"), |flow, n| {
        flow.child(named("w", &format!("c{n}")))
    });
    let tree = rig.client.flow(wide).await.unwrap();
    assert_eq!(tree.children.len(), 5000);
    let key = format!("{}:w:root:dependencies", rig.prefix);
    let count: u32 = rig.redis.clone().scard(key).await.unwrap();
    assert_eq!(count, 5000);
}

#[test]
fn the_data_of_a_flow_is_in_no_debug_text() {
    let flow = Flow::new("q", "x", "canary").child(Flow::new("q", "y", "canary"));
    assert!(!format!("{flow:?}").contains("canary"));
}
