//! Locks: keeping them, finding who lost them, and recovering their jobs.

use std::time::Duration;

use redis::{Cmd, Value};

use crate::{
    Result,
    conn::Conn,
    script::{EXTEND_LOCKS, FIND_LOST_CLAIMS, MOVE_STALLED_JOBS_TO_WAIT, reply},
    wire::{Pack, QueueKeys},
};

/// Extends the locks of `(id, token)` and returns the ids whose lock is gone or another's.
pub(crate) async fn extend_locks(
    conn: &Conn,
    keys: &QueueKeys,
    locks: &[(String, String)],
    duration: Duration,
) -> Result<Vec<String>> {
    let tokens: Pack = locks.iter().map(|(_, token)| token.as_str()).collect();
    let ids: Pack = locks.iter().map(|(id, _)| id.as_str()).collect();
    let mut command = EXTEND_LOCKS.on(&[keys.key("stalled")]);
    command
        .arg(keys.base())
        .arg(tokens.done().as_slice())
        .arg(ids.done().as_slice())
        .arg(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
    reply::fields("extendLocks", EXTEND_LOCKS.call(conn, &command).await?)
}

/// Who holds the locks of these jobs now, if anyone.
pub(crate) async fn lock_holders(
    conn: &Conn,
    keys: &QueueKeys,
    ids: &[&str],
) -> Result<Vec<Option<String>>> {
    let mut command = Cmd::new();
    command.arg("MGET");
    for id in ids {
        command.arg(keys.job_part(id, "lock"));
    }
    reply::array("MGET lock", conn.call("MGET lock", &command).await?)?
        .into_iter()
        .map(|holder| match holder {
            Value::Nil => Ok(None),
            holder => reply::text("MGET lock", holder).map(Some),
        })
        .collect()
}

/// Hands back jobs whose worker died; at most once in each `interval` over all workers.
pub(crate) async fn recover_stalled(
    conn: &Conn,
    keys: &QueueKeys,
    now: i64,
    most: u32,
    interval: Duration,
) -> Result<Vec<String>> {
    let suffixes = [
        "stalled",
        "wait",
        "active",
        "stalled-check",
        "meta",
        "paused",
        "marker",
        "events",
        "repeat",
    ];
    let mut command = MOVE_STALLED_JOBS_TO_WAIT.on(&suffixes.map(|suffix| keys.key(suffix)));
    command
        .arg(most)
        .arg(keys.base())
        .arg(now)
        .arg(u64::try_from(interval.as_millis()).unwrap_or(u64::MAX));
    reply::fields(
        "moveStalledJobsToWait",
        MOVE_STALLED_JOBS_TO_WAIT.call(conn, &command).await?,
    )
}

/// Jobs in `active` that carry our lock although we do not know them: the reply of the call that
/// claimed them was lost. Gives ids and lock values; looks at the `most` newest ids.
pub(crate) async fn find_lost_claims<'a>(
    conn: &Conn,
    keys: &QueueKeys,
    lock_base: &str,
    most: usize,
    known: impl Iterator<Item = &'a str>,
) -> Result<Vec<(String, String)>> {
    let mut command = FIND_LOST_CLAIMS.on(&[keys.key("active")]);
    command.arg(keys.base()).arg(lock_base).arg(most);
    for id in known {
        command.arg(id);
    }
    let rows = reply::array(
        "findLostClaims",
        FIND_LOST_CLAIMS.call(conn, &command).await?,
    )?;
    rows.into_iter()
        .map(|row| {
            let pair = reply::fields("findLostClaims", row)?;
            let Ok([id, token]) = <[String; 2]>::try_from(pair) else {
                return Err(reply::unexpected(
                    "findLostClaims",
                    &Value::Array(Vec::new()),
                ));
            };
            Ok((id, token))
        })
        .collect()
}
