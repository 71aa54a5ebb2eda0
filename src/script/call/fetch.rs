//! The stock calls for one job that is held by hand: claiming it and each way out of `active`.

use std::time::Duration;

use redis::{Cmd, Value};

use crate::{
    Error, Result,
    conn::Conn,
    script::{
        EXTEND_LOCK, MOVE_JOB_FROM_ACTIVE_TO_WAIT, MOVE_TO_ACTIVE, MOVE_TO_DELAYED,
        MOVE_TO_FINISHED, RETRY_JOB, Script, reply,
    },
    wire::{KeepJobs, Limiter, Pack, Packed, QueueKeys},
};

/// What a claim takes into account beyond the queue's own settings.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) lock_duration: Duration,
    pub(crate) limiter: Option<Limiter>,
    pub(crate) name: Option<String>,
    pub(crate) metrics: Option<u32>,
}

impl Claim {
    fn entries(&self) -> u32 {
        2 + u32::from(self.limiter.is_some()) + u32::from(self.name.is_some())
    }

    fn pack(&self, pack: Pack, token: &str) -> Pack {
        let mut pack = pack
            .text("token")
            .text(token)
            .text("lockDuration")
            .int(millis(self.lock_duration));
        if let Some(limiter) = self.limiter {
            pack = pack
                .text("limiter")
                .map(2)
                .text("max")
                .int(i64::from(limiter.max))
                .text("duration")
                .int(millis(limiter.duration));
        }
        match &self.name {
            Some(name) => pack.text("name").text(name),
            None => pack,
        }
    }
}

/// A job to move out of `active`, and whether to claim the next one in the same call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fetch<'a> {
    pub(crate) keys: &'a QueueKeys,
    pub(crate) claim: &'a Claim,
    pub(crate) id: &'a str,
    pub(crate) token: &'a str,
    pub(crate) now: i64,
    pub(crate) next: bool,
}

/// What a claim answered.
#[derive(Debug, Default)]
pub(crate) struct FetchReply {
    /// The id, and the fields and values of the hash.
    pub(crate) job: Option<(String, Vec<String>)>,
    /// How long in ms nothing may be claimed; 0 when not rate limited.
    pub(crate) rate_limited: u64,
    /// When in unix ms the next delayed job is due; 0 when none is known.
    pub(crate) next_due: i64,
}

/// Claims the next ready job under `token`.
pub(crate) async fn move_to_active(
    conn: &Conn,
    keys: &QueueKeys,
    claim: &Claim,
    token: &str,
    now: i64,
) -> Result<FetchReply> {
    const NAME: &str = "moveToActive";
    let suffixes = [
        "wait",
        "active",
        "prioritized",
        "events",
        "stalled",
        "limiter",
        "delayed",
        "paused",
        "meta",
        "pc",
        "marker",
    ];
    let options = claim.pack(Pack::new().map(claim.entries()), token).done();
    let mut command = MOVE_TO_ACTIVE.on(&suffixes.map(|suffix| keys.key(suffix)));
    command.arg(keys.base()).arg(now).arg(options.as_slice());
    next_job(NAME, MOVE_TO_ACTIVE.call(conn, &command).await?)
}

/// Completes the job (`value` is the JSON text of what it returned), or fails it for good (`value`
/// is the reason).
pub(crate) async fn move_to_finished(
    conn: &Conn,
    fetch: Fetch<'_>,
    completed: bool,
    value: &str,
    keep: KeepJobs,
    attempts: f64,
    fields: &Packed,
) -> Result<FetchReply> {
    const NAME: &str = "moveToFinished";
    let Fetch { keys, claim, .. } = fetch;
    let (state, field) = if completed {
        ("completed", "returnvalue")
    } else {
        ("failed", "failedReason")
    };
    let mut names: Vec<String> = [
        "wait",
        "active",
        "prioritized",
        "events",
        "stalled",
        "limiter",
        "delayed",
        "paused",
        "meta",
        "pc",
        state,
    ]
    .iter()
    .map(|suffix| keys.key(suffix))
    .collect();
    names.push(keys.job(fetch.id));
    names.push(keys.key(&format!("metrics:{state}")));
    names.push(keys.key("marker"));
    let options = claim.pack(
        Pack::new().map(claim.entries() + 2 + u32::from(claim.metrics.is_some())),
        fetch.token,
    );
    let mut options = keep
        .pack(options.text("keepJobs"))
        .text("attempts")
        .float(attempts);
    if let Some(most) = claim.metrics {
        options = options.text("maxMetricsSize").int(i64::from(most));
    }
    let mut command = MOVE_TO_FINISHED.on(&names);
    command
        .arg(fetch.id)
        .arg(fetch.now)
        .arg(field)
        .arg(value)
        .arg(state)
        .arg(u8::from(fetch.next))
        .arg(keys.base())
        .arg(options.done().as_slice())
        .arg(fields.as_slice());
    moved(NAME, &MOVE_TO_FINISHED, conn, &command, fetch).await
}

/// Puts the job into `delayed` for `delay` ms.
pub(crate) async fn move_to_delayed(
    conn: &Conn,
    fetch: Fetch<'_>,
    delay: u64,
    skip_attempt: bool,
    fields: &Packed,
) -> Result<FetchReply> {
    const NAME: &str = "moveToDelayed";
    let Fetch { keys, claim, .. } = fetch;
    let [
        marker,
        active,
        prioritized,
        delayed,
        events,
        meta,
        stalled,
        wait,
        limiter,
        pc,
    ] = [
        "marker",
        "active",
        "prioritized",
        "delayed",
        "events",
        "meta",
        "stalled",
        "wait",
        "limiter",
        "pc",
    ]
    .map(|suffix| keys.key(suffix));
    let job = keys.job(fetch.id);
    let mut command = MOVE_TO_DELAYED.on(&[
        marker,
        active,
        prioritized,
        delayed,
        job,
        events,
        meta,
        stalled,
        wait,
        limiter,
        pc,
    ]);
    let options = claim.pack(Pack::new().map(claim.entries()), fetch.token);
    command
        .arg(keys.base())
        .arg(fetch.now)
        .arg(fetch.id)
        .arg(fetch.token)
        .arg(delay)
        .arg(u8::from(skip_attempt))
        .arg(fields.as_slice())
        .arg(u8::from(fetch.next))
        .arg(options.done().as_slice());
    moved(NAME, &MOVE_TO_DELAYED, conn, &command, fetch).await
}

/// Makes the job ready for its next attempt, behind the others or (`lifo`) before them.
pub(crate) async fn retry_job(
    conn: &Conn,
    fetch: Fetch<'_>,
    lifo: bool,
    fields: &Packed,
) -> Result<()> {
    let keys = fetch.keys;
    let [
        active,
        wait,
        paused,
        meta,
        events,
        delayed,
        prioritized,
        pc,
        marker,
        stalled,
    ] = [
        "active",
        "wait",
        "paused",
        "meta",
        "events",
        "delayed",
        "prioritized",
        "pc",
        "marker",
        "stalled",
    ]
    .map(|suffix| keys.key(suffix));
    let job = keys.job(fetch.id);
    let mut command = RETRY_JOB.on(&[
        active,
        wait,
        paused,
        job,
        meta,
        events,
        delayed,
        prioritized,
        pc,
        marker,
        stalled,
    ]);
    command
        .arg(keys.base())
        .arg(fetch.now)
        .arg(if lifo { "RPUSH" } else { "LPUSH" })
        .arg(fetch.id)
        .arg(fetch.token)
        .arg(fields.as_slice());
    moved("retryJob", &RETRY_JOB, conn, &command, fetch)
        .await
        .map(drop)
}

/// Hands the job back to the front, without an attempt; gives the ms that the rate limit lasts.
pub(crate) async fn move_to_wait(conn: &Conn, fetch: Fetch<'_>) -> Result<u64> {
    const NAME: &str = "moveJobFromActiveToWait";
    let suffixes = [
        "active",
        "wait",
        "stalled",
        "paused",
        "meta",
        "limiter",
        "prioritized",
        "marker",
        "events",
    ];
    let mut command =
        MOVE_JOB_FROM_ACTIVE_TO_WAIT.on(&suffixes.map(|suffix| fetch.keys.key(suffix)));
    command
        .arg(fetch.id)
        .arg(fetch.token)
        .arg(fetch.keys.job(fetch.id));
    let reply = MOVE_JOB_FROM_ACTIVE_TO_WAIT.call(conn, &command).await?;
    let number = reply::int(NAME, &reply)?;
    u64::try_from(number).map_err(|_| Error::from_code(NAME, number, fetch.keys.queue(), fetch.id))
}

/// Keeps the lock for another `duration`; `false` when it is gone or another's.
pub(crate) async fn extend_lock(
    conn: &Conn,
    keys: &QueueKeys,
    id: &str,
    token: &str,
    duration: Duration,
) -> Result<bool> {
    let mut command = EXTEND_LOCK.on(&[keys.job_part(id, "lock"), keys.key("stalled")]);
    command.arg(token).arg(millis(duration)).arg(id);
    let reply = EXTEND_LOCK.call(conn, &command).await?;
    Ok(reply::int("extendLock", &reply)? == 1)
}

/// A move's reply: a negative code, 0, or what the claim of the next job answered.
async fn moved(
    name: &'static str,
    script: &'static Script,
    conn: &Conn,
    command: &Cmd,
    fetch: Fetch<'_>,
) -> Result<FetchReply> {
    match script.call(conn, command).await? {
        reply @ Value::Array(_) => next_job(name, reply),
        reply => match reply::int(name, &reply)? {
            code if code < 0 => Err(Error::from_code(name, code, fetch.keys.queue(), fetch.id)),
            _ => Ok(FetchReply::default()),
        },
    }
}

fn next_job(name: &'static str, reply: Value) -> Result<FetchReply> {
    let parts = reply::array(name, reply)?;
    let Ok([fields, id, rate_limited, next_due]) = <[Value; 4]>::try_from(parts) else {
        return Err(reply::unexpected(name, &Value::Array(Vec::new())));
    };
    let job = match fields {
        fields @ Value::Array(_) => Some((reply::text(name, id)?, reply::fields(name, fields)?)),
        _ => None,
    };
    Ok(FetchReply {
        job,
        rate_limited: u64::try_from(reply::int(name, &rate_limited)?).unwrap_or(0),
        next_due: reply::int(name, &next_due)?,
    })
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
