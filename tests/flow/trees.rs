//! Trees for tests, and what they leave.

use std::collections::BTreeMap;

use bullrs::{Flow, FlowTree};
use redis::{AsyncCommands, streams::StreamRangeReply};
use serde_json::Value;

use crate::support::Rig;

/// A job whose id is its name.
pub(crate) fn named(queue: &str, id: &str) -> Flow {
    Flow::new(queue, id, ()).id(id)
}

/// A chain of so many levels, with the ids `1` levels deep, `l1` the lowest.
pub(crate) fn chain(levels: usize) -> Flow {
    (2..=levels).fold(named("q", "l1"), |below, level| {
        named("q", &format!("l{level}")).child(below)
    })
}

/// `id(child, child(…))`.
pub(crate) fn shape(tree: &FlowTree) -> String {
    let children: Vec<String> = tree.children.iter().map(shape).collect();
    if children.is_empty() {
        tree.job.id().to_owned()
    } else {
        format!("{}({})", tree.job.id(), children.join(", "))
    }
}

pub(crate) async fn hash(rig: &Rig, key: &str) -> BTreeMap<String, String> {
    let key = format!("{}:{key}", rig.prefix);
    rig.redis.clone().hgetall(key).await.unwrap()
}

pub(crate) async fn opts(rig: &Rig, key: &str) -> Value {
    serde_json::from_str(&hash(rig, key).await["opts"]).unwrap()
}

/// Members of a set, without the test's prefix.
pub(crate) async fn members(rig: &Rig, key: &str) -> Vec<String> {
    let key = format!("{}:{key}", rig.prefix);
    let members: Vec<String> = rig.redis.clone().smembers(key).await.unwrap();
    let start = rig.prefix.len() + 1;
    let mut members: Vec<String> = members.iter().map(|m| m[start..].to_owned()).collect();
    members.sort();
    members
}

/// Ids in a sorted set, lowest score first.
pub(crate) async fn sorted(rig: &Rig, key: &str) -> Vec<String> {
    let key = format!("{}:{key}", rig.prefix);
    rig.redis.clone().zrange(key, 0, -1).await.unwrap()
}

/// `event id` of each event of a queue.
pub(crate) async fn events(rig: &Rig, queue: &str) -> Vec<String> {
    let key = format!("{}:{queue}:events", rig.prefix);
    let reply: StreamRangeReply = rig.redis.clone().xrange_all(key).await.unwrap();
    let describe = |entry: &redis::streams::StreamId| {
        let field = |name| entry.get::<String>(name).unwrap_or_default();
        format!("{} {}", field("event"), field("jobId"))
    };
    reply.ids.iter().map(describe).collect()
}

/// All keys under the test's prefix.
pub(crate) async fn keys(rig: &Rig) -> Vec<String> {
    let pattern = format!("{}:*", rig.prefix);
    rig.redis.clone().keys(pattern).await.unwrap()
}
