//! What a running job asks of its own keys.

use redis::{Cmd, Value};

use crate::{
    Error, Result,
    conn::Conn,
    script::{ADD_LOG, MOVE_TO_WAITING_CHILDREN, UPDATE_DATA, UPDATE_PROGRESS, reply},
    wire::QueueKeys,
};

/// Stores the progress (JSON text) and tells the event stream.
pub(crate) async fn update_progress(
    conn: &Conn,
    keys: &QueueKeys,
    id: &str,
    json: &str,
) -> Result<()> {
    let mut command = UPDATE_PROGRESS.on(&[keys.job(id), keys.key("events"), keys.key("meta")]);
    command.arg(id).arg(json);
    done(
        "updateProgress",
        &UPDATE_PROGRESS.call(conn, &command).await?,
        keys,
        id,
    )
    .map(drop)
}

/// Replaces the job's data (JSON text).
pub(crate) async fn update_data(conn: &Conn, keys: &QueueKeys, id: &str, json: &str) -> Result<()> {
    let mut command = UPDATE_DATA.on(&[keys.job(id)]);
    command.arg(json);
    done(
        "updateData",
        &UPDATE_DATA.call(conn, &command).await?,
        keys,
        id,
    )
    .map(drop)
}

/// Appends a log row, keeps the newest `keep` rows if given, and returns how many there are.
pub(crate) async fn add_log(
    conn: &Conn,
    keys: &QueueKeys,
    id: &str,
    row: &str,
    keep: Option<i64>,
) -> Result<u64> {
    let mut command = ADD_LOG.on(&[keys.job(id), keys.job_part(id, "logs")]);
    command
        .arg(id)
        .arg(row)
        .arg(keep.map_or_else(String::new, |keep| keep.to_string()));
    let rows = done("addLog", &ADD_LOG.call(conn, &command).await?, keys, id)?;
    Ok(u64::try_from(rows).unwrap_or(0))
}

/// Moves the job to `waiting-children`; `false` when no child is pending and it stays active.
pub(crate) async fn move_to_waiting_children(
    conn: &Conn,
    keys: &QueueKeys,
    id: &str,
    lock_token: &str,
    child_key: Option<&str>,
    now: i64,
) -> Result<bool> {
    let mut command = MOVE_TO_WAITING_CHILDREN.on(&[
        keys.key("active"),
        keys.key("waiting-children"),
        keys.job(id),
        keys.job_part(id, "dependencies"),
        keys.job_part(id, "unsuccessful"),
        keys.key("stalled"),
        keys.key("events"),
    ]);
    command
        .arg(lock_token)
        .arg(child_key.unwrap_or_default())
        .arg(now)
        .arg(id)
        .arg(keys.base());
    let reply = MOVE_TO_WAITING_CHILDREN.call(conn, &command).await?;
    Ok(done("moveToWaitingChildren", &reply, keys, id)? == 0)
}

/// Return values of the finished children: full job key and JSON text.
pub(crate) async fn children_values(
    conn: &Conn,
    keys: &QueueKeys,
    id: &str,
) -> Result<Vec<(String, String)>> {
    let mut command = Cmd::new();
    command.arg("HGETALL").arg(keys.job_part(id, "processed"));
    let reply = match conn.call("HGETALL processed", &command).await? {
        Value::Map(pairs) => Value::Array(
            pairs
                .into_iter()
                .flat_map(|(key, value)| [key, value])
                .collect(),
        ),
        other => other,
    };
    let mut flat = reply::fields("HGETALL processed", reply)?.into_iter();
    Ok(std::iter::from_fn(|| Some((flat.next()?, flat.next()?))).collect())
}

/// `atm` as it stands; `None` when the job's hash is gone.
pub(crate) async fn attempts_made(conn: &Conn, keys: &QueueKeys, id: &str) -> Result<Option<i64>> {
    let mut command = Cmd::new();
    command
        .arg("HMGET")
        .arg(keys.job(id))
        .arg("atm")
        .arg("name")
        .arg("timestamp");
    let fields = reply::array("HMGET", conn.call("HMGET", &command).await?)?;
    if fields.iter().all(|field| *field == Value::Nil) {
        return Ok(None);
    }
    Ok(Some(
        fields
            .first()
            .and_then(|field| reply::int("HMGET", field).ok())
            .unwrap_or(0),
    ))
}

/// The number a script replied, or the error that a negative one stands for.
pub(super) fn done(
    command: &'static str,
    reply: &Value,
    keys: &QueueKeys,
    id: &str,
) -> Result<i64> {
    match reply::int(command, reply)? {
        code if code < 0 => Err(Error::from_code(command, code, keys.queue(), id)),
        number => Ok(number),
    }
}
