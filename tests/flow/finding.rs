//! Reading flows that are there.

use bullrs::flow::{ChildState, FlowNode};
use redis::AsyncCommands;

use super::trees::{chain, named};
use crate::support::Rig;

fn ids(node: &FlowNode) -> Vec<&str> {
    let mut ids: Vec<&str> = node.children.iter().map(|child| child.job.id()).collect();
    ids.sort_unstable();
    ids
}

fn levels(node: &FlowNode) -> usize {
    1 + node.children.iter().map(levels).max().unwrap_or(0)
}

#[tokio::test]
async fn a_tree_is_read_with_what_its_jobs_say() {
    let rig = Rig::start().await;
    let other = format!("{}-other:colon", rig.prefix);
    let flow = named("q", "root").attempts(3).children([
        named("c", "a").children([named("c", "a1"), named("c", "a2")]),
        named("d", "b").prefix(&other),
    ]);
    rig.client.flow(flow).await.unwrap();

    let root = rig.client.flow_tree("q", "root").await.unwrap().unwrap();

    assert_eq!(
        (root.job.id(), root.queue.as_str(), root.state),
        ("root", "q", None)
    );
    assert_eq!(root.record.opts.attempts, Some(3.0));
    assert_eq!(root.field("data"), Some("null"));
    assert_eq!((root.counts.unprocessed, root.counts.processed), (2, 0));
    assert_eq!(ids(&root), ["a", "b"]);
    let child = |id: &str| {
        root.children
            .iter()
            .find(|child| child.job.id() == id)
            .unwrap()
    };
    assert_eq!(ids(child("a")), ["a1", "a2"]);
    assert_eq!(child("a").state, Some(ChildState::Unprocessed));
    assert_eq!(
        (child("b").prefix.as_str(), child("b").queue.as_str()),
        (other.as_str(), "d")
    );
    assert_eq!(child("b").job.state().await.unwrap(), "waiting");
    assert_eq!(child("b").record.parent_key, Some(rig.key("root")));
}

#[tokio::test]
async fn children_of_every_kind_are_found_once_they_have_ended() {
    let rig = Rig::start().await;
    let children = ["done", "open", "bad", "skipped", "removed"].map(|id| named("q", id));
    rig.client
        .flow(named("q", "root").children(children))
        .await
        .unwrap();
    let mut redis = rig.redis.clone();
    let dependencies = rig.key("root:dependencies");
    for id in ["done", "bad", "skipped"] {
        let () = redis.srem(&dependencies, rig.key(id)).await.unwrap();
    }
    let () = redis
        .hset(rig.key("root:processed"), rig.key("done"), "1")
        .await
        .unwrap();
    let () = redis
        .zadd(rig.key("root:unsuccessful"), rig.key("bad"), 5)
        .await
        .unwrap();
    let () = redis
        .hset(rig.key("root:failed"), rig.key("skipped"), "why")
        .await
        .unwrap();
    let () = redis.del(rig.key("removed")).await.unwrap();

    let root = rig.client.flow_tree("q", "root").await.unwrap().unwrap();

    let states: Vec<(&str, ChildState)> = root
        .children
        .iter()
        .map(|child| (child.job.id(), child.state.unwrap()))
        .collect();
    assert_eq!(
        states,
        [
            ("done", ChildState::Processed),
            ("open", ChildState::Unprocessed),
            ("bad", ChildState::Failed),
            ("skipped", ChildState::Ignored),
        ]
    );
    let counts = root.counts;
    assert_eq!(
        (
            counts.processed,
            counts.unprocessed,
            counts.failed,
            counts.ignored
        ),
        (1, 2, 1, 1)
    );
}

#[tokio::test]
async fn reading_is_bounded_in_depth_and_width() {
    let rig = Rig::start().await;
    rig.client.flow(chain(30)).await.unwrap();
    for (depth, expected) in [(1, 1), (3, 3), (1000, 30)] {
        let root = rig
            .client
            .flow_tree("q", "l30")
            .depth(depth)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(levels(&root), expected);
    }
    let root = rig.client.flow_tree("q", "l30").await.unwrap().unwrap();
    assert_eq!(levels(&root), 10);

    let wide = (0..900).fold(named("w", "root"), |flow, n| {
        flow.child(named("w", &format!("c{n}")))
    });
    rig.client.flow(wide).await.unwrap();
    for (most, expected) in [(0, 1), (7, 7), (500, 500), (5000, 900)] {
        let find = rig.client.flow_tree("w", "root").max_children(most);
        let root = find.await.unwrap().unwrap();
        assert_eq!(root.children.len(), expected);
        assert_eq!(root.counts.unprocessed, 900);
    }
}

#[tokio::test]
async fn a_job_that_is_not_there_is_nothing() {
    let rig = Rig::start().await;
    assert!(rig.client.flow_tree("q", "none").await.unwrap().is_none());
    assert!(rig.client.flow_tree("a:b", "none").await.is_err());
}

#[tokio::test]
async fn a_job_that_is_its_own_child_is_read_to_the_depth() {
    let rig = Rig::start().await;
    rig.queue().add("x", ()).id("loop").await.unwrap();
    let mut redis = rig.redis.clone();
    let () = redis
        .sadd(rig.key("loop:dependencies"), rig.key("loop"))
        .await
        .unwrap();
    for odd in ["", "x", "::"] {
        let () = redis.sadd(rig.key("loop:dependencies"), odd).await.unwrap();
    }
    let root = rig
        .client
        .flow_tree("q", "loop")
        .depth(1000)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(levels(&root), 1000);
}
