//! What changes a job from outside: its place, its outcome, its ties, its logs.

use redis::{Cmd, Value};

use super::job::done;
use crate::{
    Error, Result,
    conn::Conn,
    script::{
        CHANGE_DELAY, CHANGE_PRIORITY, PROMOTE, REMOVE_CHILD_DEPENDENCY, REMOVE_DEDUPLICATION_KEY,
        REMOVE_JOB, REMOVE_UNPROCESSED_CHILDREN, REPROCESS_JOB,
    },
    wire::QueueKeys,
};

/// How a finished job is made ready to run again.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an argument of the script"
)]
pub(crate) struct Reprocess {
    /// Whether it completed, rather than failed.
    pub(crate) completed: bool,
    /// Whether it goes to the front.
    pub(crate) lifo: bool,
    pub(crate) reset_attempts_made: bool,
    pub(crate) reset_attempts_started: bool,
}

/// Makes a finished job ready to run again.
pub(crate) async fn reprocess(
    conn: &Conn,
    keys: &QueueKeys,
    id: &str,
    how: Reprocess,
) -> Result<()> {
    let (state, outcome) = if how.completed {
        ("completed", "returnvalue")
    } else {
        ("failed", "failedReason")
    };
    let suffixes = [
        "events",
        state,
        "wait",
        "meta",
        "active",
        "marker",
        "prioritized",
        "pc",
    ];
    let mut command = REPROCESS_JOB.on(&job_and(keys, id, &suffixes));
    command
        .arg(id)
        .arg(if how.lifo { "RPUSH" } else { "LPUSH" })
        .arg(outcome)
        .arg(state)
        .arg(u8::from(how.reset_attempts_made))
        .arg(u8::from(how.reset_attempts_started));
    let reply = REPROCESS_JOB.call(conn, &command).await?;
    done("reprocessJob", &reply, keys, id).map(drop)
}

/// Makes a delayed job ready to run.
pub(crate) async fn promote(conn: &Conn, keys: &QueueKeys, id: &str) -> Result<()> {
    let suffixes = [
        "delayed",
        "wait",
        "paused",
        "meta",
        "prioritized",
        "active",
        "pc",
        "events",
        "marker",
    ];
    let mut command = PROMOTE.on(&suffixes.map(|suffix| keys.key(suffix)));
    command.arg(keys.base()).arg(id);
    let reply = PROMOTE.call(conn, &command).await?;
    done("promote", &reply, keys, id).map(drop)
}

/// Makes a delayed job due `delay` ms from `now`.
pub(crate) async fn change_delay(
    conn: &Conn,
    keys: &QueueKeys,
    id: &str,
    delay: u64,
    now: i64,
) -> Result<()> {
    let suffixes = ["delayed", "meta", "marker", "events"];
    let mut command = CHANGE_DELAY.on(&suffixes.map(|suffix| keys.key(suffix)));
    command.arg(delay).arg(now).arg(id).arg(keys.job(id));
    let reply = CHANGE_DELAY.call(conn, &command).await?;
    done("changeDelay", &reply, keys, id).map(drop)
}

/// Gives a job another priority, and the place in its class that goes with it.
pub(crate) async fn change_priority(
    conn: &Conn,
    keys: &QueueKeys,
    id: &str,
    priority: u32,
    lifo: bool,
) -> Result<()> {
    let suffixes = [
        "wait",
        "paused",
        "meta",
        "prioritized",
        "active",
        "pc",
        "marker",
    ];
    let mut command = CHANGE_PRIORITY.on(&suffixes.map(|suffix| keys.key(suffix)));
    command
        .arg(priority)
        .arg(keys.base())
        .arg(id)
        .arg(u8::from(lifo));
    let reply = CHANGE_PRIORITY.call(conn, &command).await?;
    done("changePriority", &reply, keys, id).map(drop)
}

/// Removes a job, and what is below it when asked.
pub(crate) async fn remove_job(
    conn: &Conn,
    keys: &QueueKeys,
    id: &str,
    with_children: bool,
) -> Result<()> {
    let mut command = REMOVE_JOB.on(&[keys.job(id), keys.key("repeat")]);
    command
        .arg(id)
        .arg(u8::from(with_children))
        .arg(keys.base());
    let reply = REMOVE_JOB.call(conn, &command).await?;
    if done("removeJob", &reply, keys, id)? == 0 {
        return Err(Error::JobLocked {
            queue: keys.queue().to_owned(),
            id: id.to_owned(),
            command: "removeJob",
        });
    }
    Ok(())
}

/// Removes the children that a job still waits for, but none that a worker holds.
pub(crate) async fn remove_unprocessed_children(
    conn: &Conn,
    keys: &QueueKeys,
    id: &str,
) -> Result<()> {
    let mut command = REMOVE_UNPROCESSED_CHILDREN.on(&[keys.job(id), keys.key("meta")]);
    command.arg(keys.base()).arg(id);
    REMOVE_UNPROCESSED_CHILDREN
        .call(conn, &command)
        .await
        .map(drop)
}

/// Cuts the tie between a pending child and its parent; `false` when there was none.
pub(crate) async fn remove_child_dependency(
    conn: &Conn,
    keys: &QueueKeys,
    id: &str,
    parent: &str,
) -> Result<bool> {
    let command_name = "removeChildDependency";
    let mut command = REMOVE_CHILD_DEPENDENCY.on(&[keys.base()]);
    command.arg(keys.job(id)).arg(parent);
    match REMOVE_CHILD_DEPENDENCY.call(conn, &command).await? {
        Value::Int(-5) => Err(Error::ParentNotFound {
            parent: parent.to_owned(),
            queue: keys.queue().to_owned(),
            command: command_name,
        }),
        reply => Ok(done(command_name, &reply, keys, id)? == 0),
    }
}

/// Opens a deduplication window if the job owns it, and says whether it did.
pub(crate) async fn remove_own_deduplication_key(
    conn: &Conn,
    keys: &QueueKeys,
    id: &str,
    deduplication_id: &str,
) -> Result<bool> {
    let window = keys.key(&format!("de:{deduplication_id}"));
    let mut command = REMOVE_DEDUPLICATION_KEY.on(&[window]);
    command.arg(id);
    let reply = REMOVE_DEDUPLICATION_KEY.call(conn, &command).await?;
    Ok(done("removeDeduplicationKey", &reply, keys, id)? > 0)
}

/// Keeps the newest `keep` rows of the job's log.
pub(crate) async fn clear_logs(conn: &Conn, keys: &QueueKeys, id: &str, keep: u64) -> Result<()> {
    let logs = keys.job_part(id, "logs");
    let mut command = Cmd::new();
    if keep == 0 {
        command.arg("DEL").arg(logs);
        return conn.call("DEL logs", &command).await.map(drop);
    }
    let keep = i64::try_from(keep).unwrap_or(i64::MAX);
    command.arg("LTRIM").arg(logs).arg(-keep).arg(-1);
    conn.call("LTRIM logs", &command).await.map(drop)
}

fn job_and(keys: &QueueKeys, id: &str, suffixes: &[&str]) -> Vec<String> {
    std::iter::once(keys.job(id))
        .chain(suffixes.iter().map(|suffix| keys.key(suffix)))
        .collect()
}
