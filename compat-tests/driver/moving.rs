//! Taking jobs by hand, and saying how they ended.

use std::{error::Error as StdError, fmt, time::Duration};

use bullrs::{
    BoxError, Error, Failure, Result,
    worker::{Fetched, HeldJob},
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{
    reading,
    reply::{Reply, arguments},
    session::Session,
};

/// What the workers of stock on the other side have, too.
const LOCK: Duration = Duration::from_mins(10);
const NAME: &str = "by-hand";
const MINUTES: u32 = 5;
const STARTS: u32 = 2;

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
struct Next {
    #[serde(default)]
    next: bool,
}

#[derive(Deserialize)]
struct Child {
    child: Option<String>,
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
        "take" => take(session, line, false).await,
        "takeLimited" => take(session, line, true).await,
        "checkStalled" => check_stalled(session, line).await,
        _ => end(session, name, line).await,
    };
    played.unwrap_or_else(|reply| reply)
}

async fn take(
    session: &mut Session,
    line: &str,
    is_limited: bool,
) -> std::result::Result<Reply, Reply> {
    let Take { queue, token } = arguments(line)?;
    let mut builder = session.client.fetcher(&queue).token(&token);
    if is_limited {
        builder = builder.limiter(STARTS, LOCK);
    }
    let mut fetcher = builder
        .lock(LOCK)
        .name(NAME)
        .metrics(MINUTES)
        .open()
        .await?;
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
    let queue = job.raw().queue().to_owned();
    let moved = match moved(&mut job, name, line).await {
        Ok(moved) => moved,
        Err(inexpressible) => {
            session.held.insert(token, job);
            return Err(inexpressible);
        }
    };
    // A lock that is found to be lost is not asked for again.
    let stays = match &moved {
        Ok(After::Said(Value::Bool(extended))) => *extended == (name == "extendLock"),
        _ => false,
    };
    if stays {
        session.held.insert(token, job);
        return Ok(moved.map(After::value).into());
    }
    match moved? {
        After::Said(value) => Ok(Reply::Answer(value)),
        After::Next(next) => {
            let id = next.id().to_owned();
            session.held.insert(token, *next);
            Ok(reading::job(&session.queue(&queue), &id).await)
        }
    }
}

/// What a move came to.
enum After {
    Said(Value),
    Next(Box<HeldJob>),
}

impl After {
    const NOTHING: Self = Self::Said(Value::Null);

    fn value(self) -> Value {
        match self {
            Self::Said(value) => value,
            Self::Next(_) => Value::Null,
        }
    }

    fn next(fetched: Fetched) -> Self {
        fetched
            .into_job()
            .map_or(Self::NOTHING, |job| Self::Next(Box::new(job)))
    }
}

async fn moved(
    job: &mut HeldJob,
    name: &str,
    line: &str,
) -> std::result::Result<Result<After>, Reply> {
    let Next { next } = arguments(line)?;
    Ok(match name {
        "complete" => {
            let value = arguments::<Returned>(line)?.value;
            if next {
                let fetched = job.move_to_completed_and_fetch(&value).await;
                fetched.map(After::next)
            } else {
                job.move_to_completed(&value).await.map(|()| After::NOTHING)
            }
        }
        "fail" => {
            let Fail { message, for_good } = arguments(line)?;
            let error: BoxError = if for_good {
                Box::new(Failure::unrecoverable(Message(message)))
            } else {
                Box::new(Message(message))
            };
            if next {
                let fetched = job.move_to_failed_and_fetch(error).await;
                fetched.map(|(_, fetched)| After::next(fetched))
            } else {
                job.move_to_failed(error).await.map(|_| After::NOTHING)
            }
        }
        "moveToDelayed" => {
            let Until { now, until } = arguments(line)?;
            let delay = Duration::from_millis(u64::try_from(until - now).unwrap_or(0));
            job.move_to_delayed(delay).await.map(|()| After::NOTHING)
        }
        "moveToWait" => job.move_to_wait().await.map(|_| After::NOTHING),
        "moveToWaitingChildren" => {
            let moved = match arguments::<Child>(line)?.child {
                Some(key) => job.move_to_waiting_child(&key).await,
                None => job.move_to_waiting_children().await,
            };
            moved.map(|moved| After::Said(moved.into()))
        }
        _ => {
            let duration = Duration::from_millis(arguments::<For>(line)?.duration);
            match job.extend_lock(duration).await {
                Ok(()) => Ok(After::Said(true.into())),
                Err(Error::LockLost { .. }) => Ok(After::Said(false.into())),
                Err(error) => Err(error),
            }
        }
    })
}
