//! Questions and settings that concern a queue as a whole.

use redis::{Cmd, Value};

use crate::{
    Result,
    conn::Conn,
    script::{GET_COUNTS, GET_STATE_V2, reply},
    wire::QueueKeys,
};

/// How many jobs are in each of `states`.
pub(crate) async fn counts(conn: &Conn, keys: &QueueKeys, states: &[&str]) -> Result<Vec<u64>> {
    let mut command = GET_COUNTS.on(&[keys.base()]);
    command.arg(states);
    reply::array("getCounts", GET_COUNTS.call(conn, &command).await?)?
        .iter()
        .map(|count| reply::int("getCounts", count).map(|count| u64::try_from(count).unwrap_or(0)))
        .collect()
}

/// The state a job is in, by its name in the events, or `unknown`.
pub(crate) async fn state(conn: &Conn, keys: &QueueKeys, id: &str) -> Result<String> {
    let suffixes = [
        "completed",
        "failed",
        "delayed",
        "active",
        "wait",
        "paused",
        "waiting-children",
        "prioritized",
    ];
    let mut command = GET_STATE_V2.on(&suffixes.map(|suffix| keys.key(suffix)));
    command.arg(id).arg(keys.base());
    reply::text("getState", GET_STATE_V2.call(conn, &command).await?)
}

/// Holds the queue's rate limited workers for so many ms, as Node's `queue.rateLimit` does.
pub(crate) async fn rate_limit(conn: &Conn, keys: &QueueKeys, millis: u64) -> Result<()> {
    let mut command = Cmd::new();
    command
        .arg("SET")
        .arg(keys.key("limiter"))
        .arg(9_007_199_254_740_991_i64)
        .arg("PX")
        .arg(millis.max(1));
    conn.call("SET limiter", &command).await.map(drop)
}

/// Puts back a wake-up that was popped but not followed by a fetch, so that another worker wakes.
pub(crate) async fn restore_marker(conn: &Conn, keys: &QueueKeys) -> Result<Value> {
    let mut command = Cmd::new();
    command.arg("ZADD").arg(keys.key("marker")).arg(0).arg("0");
    conn.call("ZADD marker", &command).await
}

/// Whether the server takes writes: with a key of our own that soon goes by itself.
pub(crate) async fn probe(conn: &Conn, keys: &QueueKeys) -> Result<()> {
    let mut command = Cmd::new();
    command
        .arg("SET")
        .arg(keys.own("probe"))
        .arg(1)
        .arg("PX")
        .arg(10_000);
    conn.call("SET probe", &command).await.map(drop)
}

/// Whether the queue is paused.
pub(crate) async fn is_paused(conn: &Conn, keys: &QueueKeys) -> Result<bool> {
    let mut command = Cmd::new();
    command.arg("HEXISTS").arg(keys.key("meta")).arg("paused");
    let paused = conn.call("HEXISTS paused", &command).await?;
    Ok(reply::int("HEXISTS paused", &paused)? == 1)
}
