//! Questions and settings that concern a queue as a whole.

use redis::{Cmd, Value};

use crate::{
    Result,
    conn::Conn,
    script::{
        GET_COUNTS, GET_COUNTS_PER_PRIORITY, GET_METRICS, GET_RATE_LIMIT_TTL, GET_STATE_V2,
        IS_MAXED, RESTORE_MARKER, reply,
    },
    wire::QueueKeys,
};

/// How many jobs are in each of `states`, by the suffixes of their keys.
pub(crate) async fn counts(conn: &Conn, keys: &QueueKeys, states: &[&str]) -> Result<Vec<u64>> {
    let mut command = GET_COUNTS.on(&[keys.base()]);
    command.arg(states);
    numbers("getCounts", GET_COUNTS.call(conn, &command).await?)
}

/// How many jobs are due before a time (unix ms).
pub(crate) async fn delayed_before(conn: &Conn, keys: &QueueKeys, time: i64) -> Result<u64> {
    let mut command = GET_COUNTS.on(&[keys.base()]);
    command.arg(time).arg("delayed");
    let counts = numbers("getCounts", GET_COUNTS.call(conn, &command).await?)?;
    Ok(counts.first().copied().unwrap_or(0))
}

/// How many jobs are ready to run with each of `priorities`.
pub(crate) async fn counts_per_priority(
    conn: &Conn,
    keys: &QueueKeys,
    priorities: &[u32],
) -> Result<Vec<u64>> {
    let mut command = GET_COUNTS_PER_PRIORITY.on(&[keys.key("wait"), keys.key("prioritized")]);
    command.arg(priorities);
    let counts = GET_COUNTS_PER_PRIORITY.call(conn, &command).await?;
    numbers("getCountsPerPriority", counts)
}

/// Whether as many jobs are active as the global concurrency allows.
pub(crate) async fn is_maxed(conn: &Conn, keys: &QueueKeys) -> Result<bool> {
    let command = IS_MAXED.on(&[keys.key("meta"), keys.key("active")]);
    match IS_MAXED.call(conn, &command).await? {
        Value::Nil => Ok(false),
        maxed => reply::int("isMaxed", &maxed).map(|maxed| maxed != 0),
    }
}

/// How long the rate limit holds in ms; -2 for no limiter, -1 for one without an end.
pub(crate) async fn rate_limit_ttl(conn: &Conn, keys: &QueueKeys, max: u32) -> Result<i64> {
    let mut command = GET_RATE_LIMIT_TTL.on(&[keys.key("limiter"), keys.key("meta")]);
    command.arg(max);
    let ttl = GET_RATE_LIMIT_TTL.call(conn, &command).await?;
    reply::int("getRateLimitTtl", &ttl)
}

/// What is gathered of jobs that finished: `count`, `prevTS` and `prevCount` as they stand, a slice
/// of the counts per minute, and how many of these there are.
pub(crate) type Gathered = ([Option<String>; 3], Vec<String>, u64);

/// Reads a slice of the metrics of `completed` or `failed`.
pub(crate) async fn metrics(
    conn: &Conn,
    keys: &QueueKeys,
    kind: &str,
    (first, last): (u64, u64),
) -> Result<Gathered> {
    let operation = "getMetrics";
    let key = keys.key(&format!("metrics:{kind}"));
    let mut command = GET_METRICS.on(&[key.clone(), format!("{key}:data")]);
    command
        .arg(first)
        .arg(i64::try_from(last).unwrap_or(i64::MAX));
    let parts = reply::array(operation, GET_METRICS.call(conn, &command).await?)?;
    let Ok([totals, minutes, length]) = <[Value; 3]>::try_from(parts) else {
        return Err(reply::unexpected(operation, &Value::Array(Vec::new())));
    };
    let totals = reply::array(operation, totals)?
        .into_iter()
        .map(|total| match total {
            Value::Nil => Ok(None),
            total => reply::text(operation, total).map(Some),
        })
        .collect::<Result<Vec<_>>>()?;
    let totals = <[Option<String>; 3]>::try_from(totals)
        .map_err(|_| reply::unexpected(operation, &Value::Array(Vec::new())))?;
    let length = u64::try_from(reply::int(operation, &length)?).unwrap_or(0);
    Ok((totals, reply::fields(operation, minutes)?, length))
}

/// What the server says of its connections, a line each.
pub(crate) async fn client_list(conn: &Conn) -> Result<String> {
    let mut command = Cmd::new();
    command.arg("CLIENT").arg("LIST");
    match conn.call("CLIENT LIST", &command).await? {
        Value::VerbatimString { text, .. } => Ok(text),
        text => reply::text("CLIENT LIST", text),
    }
}

fn numbers(operation: &'static str, value: Value) -> Result<Vec<u64>> {
    reply::array(operation, value)?
        .iter()
        .map(|count| reply::int(operation, count).map(|count| u64::try_from(count).unwrap_or(0)))
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

/// Puts back a wake-up that was popped but not followed by a fetch, so that another worker wakes;
/// with nothing ready there is nothing to wake for.
pub(crate) async fn restore_marker(conn: &Conn, keys: &QueueKeys) -> Result<Value> {
    let on = ["wait", "prioritized", "marker"].map(|suffix| keys.key(suffix));
    RESTORE_MARKER.call(conn, &RESTORE_MARKER.on(&on)).await
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
