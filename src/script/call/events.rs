//! The events stream: reading it, appending to it, and how a job ended.

use std::time::Duration;

use redis::{Cmd, Value};

use crate::{
    Error, Result,
    conn::{Blocking, Conn},
    script::{
        FIND_OUTCOME, GET_LAST_EVENT_ID, IS_FINISHED, PUBLISH_EVENT, READ_EVENTS,
        is_unknown_script, reply,
    },
    wire::{EventId, QueueKeys},
};

/// How long a call that does not block may take.
const REPLY: Duration = Duration::from_secs(10);
/// How far back to look for the end of a job whose hash is gone.
const LOOK_BACK: (usize, usize) = (1000, 4 << 20);

/// An entry of the stream: its fields and values, in their order.
#[derive(Debug)]
pub(crate) struct RawEvent {
    pub(crate) id: EventId,
    pub(crate) fields: Vec<String>,
}

/// Entries that stand next to each other.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Whether entries between the last one read and the first of these may be gone.
    pub(crate) gap: bool,
    pub(crate) events: Vec<RawEvent>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finished {
    NotYet,
    /// With its return value's JSON text.
    Completed(String),
    /// With the reason.
    Failed(String),
}

/// The id of the newest event, which may be gone; 0-0 when there was none yet.
pub(crate) async fn last_event_id(conn: &Conn, keys: &QueueKeys) -> Result<EventId> {
    let command = GET_LAST_EVENT_ID.on(&[keys.key("events")]);
    let id = GET_LAST_EVENT_ID.call(conn, &command).await?;
    reply::text("getLastEventId", id)?.parse()
}

/// The events after `after` that are there already, at most `most`.
pub(crate) async fn read_events(
    conn: &Conn,
    blocking: &mut Blocking,
    keys: &QueueKeys,
    after: EventId,
    most: usize,
) -> Result<Batch> {
    const NAME: &str = "readEvents";
    let mut command = READ_EVENTS.on(&[keys.key("events")]);
    command.arg(after.to_string()).arg(most);
    let answer = match blocking.run(NAME, &command, REPLY).await {
        Err(error) if is_unknown_script(&error) => {
            READ_EVENTS.load(conn).await?;
            blocking.run(NAME, &command, REPLY).await?
        }
        answer => answer?,
    };
    let parts = reply::array(NAME, answer)?;
    let Ok([gap, entries]) = <[Value; 2]>::try_from(parts) else {
        return Err(reply::unexpected(NAME, &Value::Array(Vec::new())));
    };
    Ok(Batch {
        gap: reply::int(NAME, &gap)? == 1,
        events: read_entries(NAME, entries)?,
    })
}

/// Waits at most `timeout` for events after `after`.
///
/// Cancel safe: nothing is taken out of the stream.
pub(crate) async fn wait_for_events(
    blocking: &mut Blocking,
    keys: &QueueKeys,
    after: EventId,
    most: usize,
    timeout: Duration,
) -> Result<Batch> {
    const NAME: &str = "XREAD";
    let mut command = Cmd::new();
    command
        .arg(NAME)
        .arg("COUNT")
        .arg(most)
        .arg("BLOCK")
        .arg(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX))
        .arg("STREAMS")
        .arg(keys.key("events"))
        .arg(after.to_string());
    // One stream was asked for: `[[key, entries]]`, or a map of that with RESP3.
    let entries = match blocking.run(NAME, &command, timeout).await? {
        Value::Nil => return Ok(Batch::default()),
        Value::Map(mut streams) => streams.pop().map(|(_, entries)| entries),
        Value::Array(mut streams) => match streams.pop() {
            Some(Value::Array(mut pair)) => pair.pop(),
            _ => None,
        },
        _ => None,
    };
    let entries = entries.ok_or_else(|| reply::unexpected(NAME, &Value::Array(Vec::new())))?;
    Ok(Batch {
        gap: false,
        events: read_entries(NAME, entries)?,
    })
}

fn read_entries(name: &'static str, entries: Value) -> Result<Vec<RawEvent>> {
    reply::array(name, entries)?
        .into_iter()
        .map(|entry| {
            let Ok([id, fields]) = <[Value; 2]>::try_from(reply::array(name, entry)?) else {
                return Err(reply::unexpected(name, &Value::Array(Vec::new())));
            };
            Ok(RawEvent {
                id: reply::text(name, id)?.parse()?,
                fields: reply::fields(name, fields)?,
            })
        })
        .collect()
}

/// Appends an event and gives its id. Without `most` the queue's own limit holds.
pub(crate) async fn publish_event(
    conn: &Conn,
    keys: &QueueKeys,
    most: Option<u64>,
    event: &str,
    fields: &[(String, String)],
) -> Result<EventId> {
    let mut command = PUBLISH_EVENT.on(&[keys.key("events"), keys.key("meta")]);
    command
        .arg(most.map_or_else(String::new, |most| most.to_string()))
        .arg("event")
        .arg(event);
    for (field, value) in fields {
        command.arg(field).arg(value);
    }
    let id = PUBLISH_EVENT.call(conn, &command).await?;
    reply::text("publishEvent", id)?.parse()
}

/// How a job ended, if it has. One that was removed as it finished is found by its event, as long
/// as that is among the newest.
///
/// # Errors
/// [`Error::JobNotFound`] when there is neither.
pub(crate) async fn finished(conn: &Conn, keys: &QueueKeys, id: &str) -> Result<Finished> {
    const NAME: &str = "isFinished";
    let mut command = IS_FINISHED.on(&[keys.key("completed"), keys.key("failed"), keys.job(id)]);
    command.arg(id).arg("1");
    let parts = reply::array(NAME, IS_FINISHED.call(conn, &command).await?)?;
    match read_outcome(NAME, parts)? {
        (0, _) => Ok(Finished::NotYet),
        (1, value) => Ok(Finished::Completed(value)),
        (2, reason) => Ok(Finished::Failed(reason)),
        (code, _) => {
            let mut command = FIND_OUTCOME.on(&[keys.key("events")]);
            command.arg(id).arg(LOOK_BACK.0).arg(LOOK_BACK.1);
            let parts = reply::array(NAME, FIND_OUTCOME.call(conn, &command).await?)?;
            match read_outcome(NAME, parts)? {
                (1, value) => Ok(Finished::Completed(value)),
                (2, reason) => Ok(Finished::Failed(reason)),
                _ => Err(Error::from_code(NAME, code, keys.queue(), id)),
            }
        }
    }
}

/// A code and a text, which ends the array early when it is nil.
fn read_outcome(name: &'static str, parts: Vec<Value>) -> Result<(i64, String)> {
    let mut parts = parts.into_iter();
    let code = parts
        .next()
        .ok_or_else(|| reply::unexpected(name, &Value::Nil))?;
    let text = match parts.next() {
        None | Some(Value::Nil) => String::new(),
        Some(text) => reply::text(name, text)?,
    };
    Ok((reply::int(name, &code)?, text))
}
