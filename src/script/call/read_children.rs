//! The children of a job: counts, and pages of each of the four keys that hold them (WIRE §1.2).

use redis::{Cmd, Value};

use super::read::{command, pairs};
use crate::{
    Result,
    conn::Conn,
    script::{GET_DEPENDENCY_COUNTS, IS_FINISHED, reply},
    wire::QueueKeys,
};

/// How many children have completed, are pending, failed and were ignored, failed and fail the job.
pub(crate) async fn dependency_counts(conn: &Conn, keys: &QueueKeys, id: &str) -> Result<[u64; 4]> {
    let parts = ["processed", "dependencies", "failed", "unsuccessful"];
    let mut command = GET_DEPENDENCY_COUNTS.on(&parts.map(|part| keys.job_part(id, part)));
    command.arg(&["processed", "unprocessed", "ignored", "failed"]);
    let operation = "getDependencyCounts";
    let counts = reply::array(operation, GET_DEPENDENCY_COUNTS.call(conn, &command).await?)?
        .iter()
        .map(|count| reply::int(operation, count).map(|count| u64::try_from(count).unwrap_or(0)))
        .collect::<Result<Vec<u64>>>()?;
    <[u64; 4]>::try_from(counts)
        .map_err(|_| reply::unexpected(operation, &Value::Array(Vec::new())))
}

/// What a scan has found: where it goes on (0 is nowhere), and keys with what stands beside them.
pub(crate) type Scanned = (u64, Vec<(String, Option<String>)>);

/// Scans a hash of children.
pub(crate) async fn scan_hash(conn: &Conn, key: &str, cursor: u64, about: u64) -> Result<Scanned> {
    let (next, found) = scanned("HSCAN", scan(conn, "HSCAN", key, cursor, about).await?)?;
    let found = pairs("HSCAN", found)?;
    Ok((
        next,
        found
            .into_iter()
            .map(|(key, value)| (key, Some(value)))
            .collect(),
    ))
}

/// Scans a set of children.
pub(crate) async fn scan_set(conn: &Conn, key: &str, cursor: u64, about: u64) -> Result<Scanned> {
    let (next, found) = scanned("SSCAN", scan(conn, "SSCAN", key, cursor, about).await?)?;
    let found = reply::fields("SSCAN", found)?;
    Ok((next, found.into_iter().map(|key| (key, None)).collect()))
}

async fn scan(
    conn: &Conn,
    operation: &'static str,
    key: &str,
    cursor: u64,
    about: u64,
) -> Result<Value> {
    let mut scan: Cmd = command(&[operation, key]);
    scan.arg(cursor).arg("COUNT").arg(about.max(1));
    conn.call(operation, &scan).await
}

fn scanned(operation: &'static str, value: Value) -> Result<(u64, Value)> {
    let parts = reply::array(operation, value)?;
    let Ok([next, found]) = <[Value; 2]>::try_from(parts) else {
        return Err(reply::unexpected(operation, &Value::Array(Vec::new())));
    };
    let next = reply::text(operation, next)?;
    let next = next
        .parse()
        .map_err(|_| reply::unexpected(operation, &Value::SimpleString(next)))?;
    Ok((next, found))
}

/// A sorted set of children with the times they failed at; `cursor` is a place in it.
pub(crate) async fn page_of_failed(
    conn: &Conn,
    key: &str,
    cursor: u64,
    most: u64,
) -> Result<Scanned> {
    let last = cursor.saturating_add(most.max(1));
    let mut page = command(&["ZRANGE", key]);
    page.arg(cursor).arg(last).arg("WITHSCORES");
    // One more than asked for tells whether another page follows.
    let mut found = pairs("ZRANGE", conn.call("ZRANGE", &page).await?)?;
    let more = u64::try_from(found.len()).unwrap_or(0) > most.max(1);
    if more {
        found.pop();
    }
    let next = if more { last } else { 0 };
    Ok((
        next,
        found.into_iter().map(|(key, at)| (key, Some(at))).collect(),
    ))
}

/// How a job has finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FinishedAs {
    NoJob,
    NotYet,
    Completed,
    Failed,
}

/// Whether the job has finished, and its return value (JSON text) or the reason of its failure.
pub(crate) async fn finished(
    conn: &Conn,
    keys: &QueueKeys,
    id: &str,
) -> Result<(FinishedAs, Option<String>)> {
    let mut command = IS_FINISHED.on(&[keys.key("completed"), keys.key("failed"), keys.job(id)]);
    command.arg(id).arg("1");
    let mut parts =
        reply::array("isFinished", IS_FINISHED.call(conn, &command).await?)?.into_iter();
    let code = match parts.next() {
        Some(code) => reply::int("isFinished", &code)?,
        None => return Err(reply::unexpected("isFinished", &Value::Nil)),
    };
    let value = match parts.next() {
        None | Some(Value::Nil) => None,
        Some(value) => Some(reply::text("isFinished", value)?),
    };
    let finished = match code {
        0 => FinishedAs::NotYet,
        1 => FinishedAs::Completed,
        2 => FinishedAs::Failed,
        _ => return Ok((FinishedAs::NoJob, None)),
    };
    Ok((finished, value))
}
