//! Job schedulers.

use redis::{Cmd, Value};

use crate::{
    Result,
    conn::Conn,
    script::{UPDATE_JOB_SCHEDULER, reply},
    wire::{JobRecord, Pack, QueueKeys},
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
