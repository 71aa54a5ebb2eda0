//! Job schedulers.

use redis::{Cmd, Value};

use crate::{
    Error, Result,
    conn::Conn,
    script::{
        ADD_JOB_SCHEDULER, GET_JOB_SCHEDULER, REMOVE_JOB_SCHEDULER, UPDATE_JOB_SCHEDULER, reply,
    },
    wire::{JobRecord, Pack, Packed, QueueKeys, int_text},
};

/// Arms the iteration after `producer`, unless that is not the armed one.
///
/// `slot` is the unix ms of a cron slot; none for an interval. `opts` are those of the new job.
pub(crate) async fn update_job_scheduler(
    conn: &Conn,
    keys: &QueueKeys,
    scheduler: &str,
    producer: &JobRecord,
    slot: Option<i64>,
    opts: &serde_json::Value,
    now: i64,
) -> Result<()> {
    let mut names: Vec<String> = [
        "repeat",
        "delayed",
        "wait",
        "paused",
        "meta",
        "prioritized",
        "marker",
        "id",
        "events",
        "pc",
    ]
    .iter()
    .map(|suffix| keys.key(suffix))
    .collect();
    names.push(keys.job(&producer.id));
    names.push(keys.key("active"));
    let mut command = UPDATE_JOB_SCHEDULER.on(&names);
    command
        .arg(slot.map_or_else(String::new, |slot| slot.to_string()))
        .arg(scheduler)
        .arg(producer.data.get())
        .arg(Pack::new().json(opts).done().as_slice())
        .arg(now)
        .arg(keys.base())
        .arg(&producer.id);
    UPDATE_JOB_SCHEDULER.call(conn, &command).await.map(drop)
}

/// Whether a key that may be an old repeatable's is a job scheduler's.
pub(crate) async fn is_job_scheduler(conn: &Conn, keys: &QueueKeys, id: &str) -> Result<bool> {
    let mut command = Cmd::new();
    command
        .arg("HEXISTS")
        .arg(keys.key(&format!("repeat:{id}")))
        .arg("ic");
    let found: Value = conn.call("HEXISTS ic", &command).await?;
    Ok(reply::int("HEXISTS ic", &found)? == 1)
}

/// A scheduler to make or to change. The packed parts have the stored, short names.
#[derive(Debug, Clone)]
pub(crate) struct SchedulerUpsert {
    pub(crate) id: String,
    /// Unix ms of the next cron slot; none for an interval, whose slot the script computes.
    pub(crate) slot: Option<i64>,
    /// What is stored of the schedule: `name`, and either `pattern` or `every`, and so on.
    pub(crate) definition: Packed,
    /// JSON text that each job gets.
    pub(crate) data: String,
    /// Options that are stored as the template.
    pub(crate) template: Packed,
    /// Options of the next job; its delay and id are the script's.
    pub(crate) opts: Packed,
}

/// A scheduler's hash, and when its next job is due.
pub(crate) type SchedulerRow = (Vec<String>, Option<i64>);

/// Makes or changes a scheduler, and gives the id of its next job and its delay in ms.
pub(crate) async fn add_job_scheduler(
    conn: &Conn,
    keys: &QueueKeys,
    upsert: &SchedulerUpsert,
    now: i64,
) -> Result<(String, u64)> {
    let suffixes = [
        "repeat",
        "delayed",
        "wait",
        "paused",
        "meta",
        "prioritized",
        "marker",
        "id",
        "events",
        "pc",
        "active",
    ];
    let mut command = ADD_JOB_SCHEDULER.on(&suffixes.map(|suffix| keys.key(suffix)));
    command
        .arg(
            upsert
                .slot
                .map_or_else(String::new, |slot| slot.to_string()),
        )
        .arg(upsert.definition.as_slice())
        .arg(&upsert.id)
        .arg(&upsert.data)
        .arg(upsert.template.as_slice())
        .arg(upsert.opts.as_slice())
        .arg(now)
        .arg(keys.base())
        .arg("");
    let name = "addJobScheduler";
    match ADD_JOB_SCHEDULER.call(conn, &command).await? {
        Value::Int(code) if code < 0 => Err(Error::from_code(name, code, keys.queue(), &upsert.id)),
        reply => {
            let fields = reply::fields(name, reply)?;
            let Ok([id, delay]) = <[String; 2]>::try_from(fields) else {
                return Err(reply::unexpected(name, &Value::Array(Vec::new())));
            };
            let delay = int_text(&delay).and_then(|delay| u64::try_from(delay).ok());
            Ok((id, delay.unwrap_or(0)))
        }
    }
}

/// Removes a scheduler and says whether it was there.
pub(crate) async fn remove_job_scheduler(conn: &Conn, keys: &QueueKeys, id: &str) -> Result<bool> {
    let suffixes = ["repeat", "delayed", "events"];
    let mut command = REMOVE_JOB_SCHEDULER.on(&suffixes.map(|suffix| keys.key(suffix)));
    command.arg(id).arg(keys.base());
    let reply = REMOVE_JOB_SCHEDULER.call(conn, &command).await?;
    Ok(reply::int("removeJobScheduler", &reply)? == 0)
}

/// Reads a scheduler; none when it is not registered.
pub(crate) async fn job_scheduler(
    conn: &Conn,
    keys: &QueueKeys,
    id: &str,
) -> Result<Option<SchedulerRow>> {
    let name = "getJobScheduler";
    let mut command = GET_JOB_SCHEDULER.on(&[keys.key("repeat")]);
    command.arg(id);
    let mut row = reply::array(name, GET_JOB_SCHEDULER.call(conn, &command).await?)?.into_iter();
    match (row.next(), row.next()) {
        (Some(fields), Some(due)) => {
            let due = reply::text(name, due)?;
            Ok(Some((reply::fields(name, fields)?, int_text(&due))))
        }
        _ => Ok(None),
    }
}

/// How many schedulers there are.
pub(crate) async fn scheduler_count(conn: &Conn, keys: &QueueKeys) -> Result<u64> {
    let mut command = Cmd::new();
    command.arg("ZCARD").arg(keys.key("repeat"));
    let count = reply::int("ZCARD", &conn.call("ZCARD", &command).await?)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Reads `count` schedulers (none: all) after the first `skip` by when they are due, with ids.
pub(crate) async fn job_schedulers(
    conn: &Conn,
    keys: &QueueKeys,
    latest_first: bool,
    skip: u64,
    count: Option<u64>,
) -> Result<Vec<(String, SchedulerRow)>> {
    let last = match count {
        Some(0) => return Ok(Vec::new()),
        Some(count) => i64::try_from(skip.saturating_add(count) - 1).unwrap_or(-1),
        None => -1,
    };
    let mut command = Cmd::new();
    command
        .arg(if latest_first { "ZREVRANGE" } else { "ZRANGE" })
        .arg(keys.key("repeat"))
        .arg(skip)
        .arg(last)
        .arg("WITHSCORES");
    let found = conn.call("ZRANGE repeat", &command).await?;
    let mut flat = reply::fields("ZRANGE repeat", found)?.into_iter();
    let registered: Vec<(String, String)> =
        std::iter::from_fn(|| Some((flat.next()?, flat.next()?))).collect();
    let reads: Vec<Cmd> = registered
        .iter()
        .map(|(id, _)| {
            let mut read = Cmd::new();
            read.arg("HGETALL").arg(keys.key(&format!("repeat:{id}")));
            read
        })
        .collect();
    let hashes = conn.call_all("HGETALL repeat", &reads).await?;
    registered
        .into_iter()
        .zip(hashes)
        .map(|((id, due), hash)| {
            let fields = reply::fields("HGETALL repeat", flat_map(hash?))?;
            Ok((id, (fields, int_text(&due))))
        })
        .collect()
}

/// A hash, which newer protocols reply as a map, as a flat array.
fn flat_map(reply: Value) -> Value {
    match reply {
        Value::Map(pairs) => Value::Array(
            pairs
                .into_iter()
                .flat_map(|(field, value)| [field, value])
                .collect(),
        ),
        other => other,
    }
}
