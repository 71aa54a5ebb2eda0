//! What a test sees in Redis.

use std::collections::BTreeMap;

use redis::{AsyncCommands, streams::StreamRangeReply};
use serde_json::Value;

use crate::support::Rig;

/// A fixed time for jobs whose scores are compared.
pub(crate) const AT: i64 = 1_790_000_000_000;

/// All keys under the test's prefix, without it, in order.
pub(crate) async fn keys(rig: &Rig) -> Vec<String> {
    let pattern = format!("{}:*", rig.prefix);
    let mut keys: Vec<String> = rig.redis.clone().keys(pattern).await.unwrap();
    keys.sort();
    let start = rig.prefix.len() + 1;
    keys.iter().map(|key| key[start..].to_owned()).collect()
}

/// The stored options of a job of queue `q`.
pub(crate) async fn opts(rig: &Rig, id: &str) -> Value {
    serde_json::from_str(&rig.hash(id).await["opts"]).unwrap()
}

/// Members of a sorted set with their exact scores, lowest first.
pub(crate) async fn scores(rig: &Rig, suffix: &str) -> Vec<(String, f64)> {
    let key = rig.key(suffix);
    rig.redis
        .clone()
        .zrange_withscores(key, 0, -1)
        .await
        .unwrap()
}

pub(crate) async fn members(rig: &Rig, key: &str) -> Vec<String> {
    let key = format!("{}:{key}", rig.prefix);
    let mut members: Vec<String> = rig.redis.clone().smembers(key).await.unwrap();
    members.sort();
    members
}

pub(crate) async fn text(rig: &Rig, suffix: &str) -> Option<String> {
    rig.redis.clone().get(rig.key(suffix)).await.unwrap()
}

/// Each event of a queue as `event field=value …`, fields in the order of their names.
pub(crate) async fn events(rig: &Rig, queue: &str) -> Vec<String> {
    let key = format!("{}:{queue}:events", rig.prefix);
    let reply: StreamRangeReply = rig.redis.clone().xrange_all(key).await.unwrap();
    let describe = |entry: &redis::streams::StreamId| {
        let mut fields: BTreeMap<&str, String> = entry
            .map
            .keys()
            .map(|name| (name.as_str(), entry.get(name).unwrap()))
            .collect();
        let mut line = fields.remove("event").unwrap();
        let fields = fields
            .iter()
            .map(|(name, value)| format!(" {name}={value}"));
        line.extend(fields);
        line
    };
    reply.ids.iter().map(describe).collect()
}
