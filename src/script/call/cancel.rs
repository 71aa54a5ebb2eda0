//! Cancelling jobs from outside their worker, and what workers learn of it.

use redis::{Cmd, Value};

use crate::{
    Error, Result,
    conn::Conn,
    script::{CANCEL_JOB, REQUESTED_CANCELLATIONS, reply},
    wire::{KeepJobs, Pack, Packed, QueueKeys},
};

/// How long a request waits for a worker to see it: longer than any job should stay without one.
const REQUESTS_KEPT_MS: u64 = 24 * 60 * 60 * 1000;

/// What is to become of a job that no worker runs.
#[derive(Debug)]
pub(crate) struct NewCancellation<'a> {
    pub(crate) reason: &'a str,
    /// The reason as `failedReason` has it.
    pub(crate) failure: &'a str,
    pub(crate) attempts_made: u32,
    pub(crate) keep: KeepJobs,
    pub(crate) fields: Packed,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CancelReply {
    /// It has failed; it was in this state.
    Failed(String),
    /// A worker runs it; the request is kept for that worker.
    Requested,
    /// It had ended, in this state.
    Finished(String),
    /// It was attempted since its hash was read.
    Changed,
}

/// A job that someone wants to be cancelled.
#[derive(Debug)]
pub(crate) struct Requested {
    pub(crate) id: String,
    pub(crate) reason: String,
    pub(crate) is_active: bool,
}

/// The key of a queue's requests.
fn requests(keys: &QueueKeys) -> String {
    keys.own("cancel")
}

/// The fields and values of a job's hash; none when there is no such job.
pub(crate) async fn job_hash(conn: &Conn, keys: &QueueKeys, id: &str) -> Result<Vec<String>> {
    let mut command = Cmd::new();
    command.arg("HGETALL").arg(keys.job(id));
    let flat = match conn.call("HGETALL job", &command).await? {
        Value::Map(pairs) => pairs
            .into_iter()
            .flat_map(|(field, value)| [field, value])
            .collect(),
        other => reply::array("HGETALL job", other)?,
    };
    reply::fields("HGETALL job", Value::Array(flat))
}

/// Fails a job that no worker runs, or asks the worker of one that runs (`lua/commands/cancel_job.lua`).
pub(crate) async fn cancel_job(
    conn: &Conn,
    keys: &QueueKeys,
    id: &str,
    new: &NewCancellation<'_>,
    now: i64,
) -> Result<CancelReply> {
    const NAME: &str = "cancelJob";
    let suffixes = [
        "wait",
        "active",
        "prioritized",
        "events",
        "delayed",
        "paused",
        "meta",
        "pc",
        "completed",
        "failed",
        "marker",
        "waiting-children",
    ];
    let mut on: Vec<String> = suffixes.iter().map(|suffix| keys.key(suffix)).collect();
    on.push(requests(keys));
    let rule = new.keep.pack(Pack::new().map(1).text("keepJobs")).done();
    let mut command = CANCEL_JOB.on(&on);
    command
        .arg(keys.base())
        .arg(now)
        .arg(id)
        .arg(new.reason)
        .arg(new.failure)
        .arg(new.attempts_made)
        .arg(rule.as_slice())
        .arg(new.fields.as_slice())
        .arg(REQUESTS_KEPT_MS);
    let answer = match CANCEL_JOB.call(conn, &command).await? {
        Value::Int(code) => return Err(Error::from_code(NAME, code, keys.queue(), id)),
        answer => reply::fields(NAME, answer)?,
    };
    let Ok([what, state]) = <[String; 2]>::try_from(answer) else {
        return Err(reply::unexpected(NAME, &Value::Array(Vec::new())));
    };
    match what.as_str() {
        "failed" => Ok(CancelReply::Failed(state)),
        "requested" => Ok(CancelReply::Requested),
        "finished" => Ok(CancelReply::Finished(state)),
        "changed" => Ok(CancelReply::Changed),
        _ => Err(reply::unexpected(NAME, &Value::Array(Vec::new()))),
    }
}

/// Whether any of these queues has requests. In a cluster the queues must share a slot.
pub(crate) async fn any_cancellation(conn: &Conn, queues: &[&QueueKeys]) -> Result<bool> {
    let mut command = Cmd::new();
    command.arg("EXISTS");
    for keys in queues {
        command.arg(requests(keys));
    }
    let found = conn.call("EXISTS cancel", &command).await?;
    Ok(reply::int("EXISTS cancel", &found)? > 0)
}

/// A page of a queue's requests from `cursor` on, `0` at first, and the next cursor, `0` at the end.
pub(crate) async fn requested_cancellations(
    conn: &Conn,
    keys: &QueueKeys,
    cursor: &str,
) -> Result<(String, Vec<Requested>)> {
    const NAME: &str = "requestedCancellations";
    let unexpected = || reply::unexpected(NAME, &Value::Array(Vec::new()));
    let mut command = REQUESTED_CANCELLATIONS.on(&[
        requests(keys),
        keys.key("active"),
        keys.key("completed"),
        keys.key("failed"),
    ]);
    command.arg(keys.base()).arg(cursor);
    let answer = REQUESTED_CANCELLATIONS.call(conn, &command).await?;
    let Ok([next, rows]) = <[Value; 2]>::try_from(reply::array(NAME, answer)?) else {
        return Err(unexpected());
    };
    let found = reply::array(NAME, rows)?
        .into_iter()
        .map(|row| {
            let Ok([id, reason, active]) = <[String; 3]>::try_from(reply::fields(NAME, row)?)
            else {
                return Err(unexpected());
            };
            Ok(Requested {
                id,
                reason,
                is_active: active == "1",
            })
        })
        .collect::<Result<_>>()?;
    Ok((reply::text(NAME, next)?, found))
}
