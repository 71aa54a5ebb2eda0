//! Taking jobs by hand, and saying how they ended.

use std::{error::Error as StdError, fmt, time::Duration};

use bullrs::{Error, Failure, Result, worker::HeldJob};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{
    reading,
    reply::{Reply, arguments},
    session::Session,
};

/// What the workers of stock on the other side have, too.
const LOCK: Duration = Duration::from_secs(600);
const NAME: &str = "by-hand";
const MINUTES: u32 = 5;

#[derive(Deserialize)]
struct Take {
    queue: String,
    token: String,
}

#[derive(Deserialize)]
struct Queue {
    queue: String,
}

#[derive(Deserialize)]
struct Token {
    token: String,
}

#[derive(Deserialize)]
struct Returned {
    value: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fail {
    message: String,
    for_good: bool,
}

#[derive(Deserialize)]
struct Until {
    now: i64,
    until: i64,
}

#[derive(Deserialize)]
struct For {
    duration: u64,
}

/// A failure of which nothing is known but its message.
#[derive(Debug)]
struct Message(String);

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Message {}

pub(crate) async fn play(session: &mut Session, name: &str, line: &str) -> Reply {
    let played = match name {
        "take" => take(session, line).await,
        "checkStalled" => check_stalled(session, line).await,
        _ => end(session, name, line).await,
    };
    played.unwrap_or_else(|reply| reply)
}

async fn take(session: &mut Session, line: &str) -> std::result::Result<Reply, Reply> {
    let Take { queue, token } = arguments(line)?;
    let builder = session.client.fetcher(&queue).token(&token);
    let mut fetcher = builder.lock(LOCK).name(NAME).metrics(MINUTES).open().await?;
    let Some(job) = fetcher.try_next().await?.into_job() else {
        return Ok(Reply::done());
    };
    let id = job.id().to_owned();
    session.held.insert(token, job);
    Ok(reading::job(&session.queue(&queue), &id).await)
}

async fn check_stalled(session: &Session, line: &str) -> std::result::Result<Reply, Reply> {
    let Queue { queue } = arguments(line)?;
    let fetcher = session.client.fetcher(&queue).open().await?;
    Ok(fetcher.check_stalled().await.into())
}

/// Any move of a held job. Whatever comes of it the job is held no longer, unless it is said to stay.
async fn end(session: &mut Session, name: &str, line: &str) -> std::result::Result<Reply, Reply> {
    let Token { token } = arguments(line)?;
    let Some(mut job) = session.held.remove(&token) else {
        return Ok(Reply::Answer("nothing held".into()));
    };
    let moved = moved(&mut job, name, line).await?;
    let stays = name == "extendLock"
        || (name == "moveToWaitingChildren" && matches!(moved, Ok(Value::Bool(false))));
    if stays {
        session.held.insert(token, job);
    }
    Ok(moved.into())
}

async fn moved(
    job: &mut HeldJob,
    name: &str,
    line: &str,
) -> std::result::Result<Result<Value>, Reply> {
    Ok(match name {
        "complete" => {
            let value = arguments::<Returned>(line)?.value;
            job.move_to_completed(&value).await.map(|()| Value::Null)
        }
        "fail" => {
            let Fail { message, for_good } = arguments(line)?;
            let error = Message(message);
            let failed = if for_good {
                job.move_to_failed(Failure::unrecoverable(error)).await
            } else {
                job.move_to_failed(error).await
            };
            failed.map(|_| Value::Null)
        }
        "moveToDelayed" => {
            let Until { now, until } = arguments(line)?;
            let delay = Duration::from_millis(u64::try_from(until - now).unwrap_or(0));
            job.move_to_delayed(delay).await.map(|()| Value::Null)
        }
        "moveToWait" => job.move_to_wait().await.map(|_| Value::Null),
        "moveToWaitingChildren" => job.move_to_waiting_children().await.map(Value::Bool),
        _ => {
            let duration = Duration::from_millis(arguments::<For>(line)?.duration);
            match job.extend_lock(duration).await {
                Ok(()) => Ok(Value::Bool(true)),
                Err(Error::LockLost { .. }) => Ok(Value::Bool(false)),
                Err(error) => Err(error),
            }
        }
    })
}
