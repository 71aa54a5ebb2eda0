//! What is done to a queue as a whole.

use std::time::Duration;

use bullrs::{Queue, queue::admin::Cleanable, wire::Limiter};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    reply::{Reply, arguments, unit},
    session::Session,
};

#[derive(Deserialize)]
struct Subject {
    queue: String,
}

#[derive(Deserialize)]
struct Concurrency {
    concurrency: u32,
}

#[derive(Deserialize)]
struct RateLimit {
    max: u32,
    duration: u64,
}

#[derive(Deserialize)]
struct Drain {
    delayed: bool,
}

#[derive(Deserialize)]
struct Clean {
    state: String,
    grace: u64,
    limit: u64,
}

#[derive(Deserialize)]
struct Retry {
    state: String,
    count: u64,
    before: Option<i64>,
}

#[derive(Deserialize)]
struct Promote {
    count: u64,
}

#[derive(Deserialize)]
struct Obliterate {
    force: bool,
    count: u64,
}

#[derive(Deserialize)]
struct Trim {
    length: u64,
}

#[derive(Deserialize)]
struct Key {
    key: String,
}

/// How long `rateLimit` holds, as `LIFETIME` of the other side.
const WINDOW: Duration = Duration::from_mins(10);

pub(crate) async fn play(session: &Session, name: &str, line: &str) -> Reply {
    let queue = match arguments::<Subject>(line) {
        Ok(Subject { queue }) => session.queue(&queue),
        Err(reply) => return reply,
    };
    change(&queue, name, line)
        .await
        .unwrap_or_else(|reply| reply)
}

async fn change(queue: &Queue, name: &str, line: &str) -> Result<Reply, Reply> {
    Ok(match name {
        "pause" => unit(queue.pause().await),
        "resume" => unit(queue.resume().await),
        "setConcurrency" => {
            let Concurrency { concurrency } = arguments(line)?;
            unit(queue.set_global_concurrency(concurrency).await)
        }
        "removeConcurrency" => unit(queue.remove_global_concurrency().await),
        "setRateLimit" => {
            let RateLimit { max, duration } = arguments(line)?;
            let duration = Duration::from_millis(duration);
            unit(queue.set_global_rate_limit(Limiter { max, duration }).await)
        }
        "removeRateLimit" => unit(queue.remove_global_rate_limit().await),
        "rateLimit" => unit(queue.rate_limit(WINDOW).await),
        "endRateLimit" => queue.remove_rate_limit().await.map(|_| Value::Null).into(),
        "drain" => {
            let drain = queue.drain();
            let drained = if arguments::<Drain>(line)?.delayed {
                drain.with_delayed().await
            } else {
                drain.await
            };
            drained.map(|_| Value::Null).into()
        }
        "clean" => clean(queue, &arguments(line)?).await,
        "retryJobs" => {
            let Retry {
                state,
                count,
                before,
            } = arguments(line)?;
            let mut retry = queue.retry_all().step_size(count);
            if state == "completed" {
                retry = retry.completed();
            }
            if let Some(before) = before {
                retry = retry.finished_by(before);
            }
            retry.await.map(|_| Value::Null).into()
        }
        "promoteJobs" => {
            let promotion = queue
                .promote_all()
                .step_size(arguments::<Promote>(line)?.count);
            promotion.await.map(|_| Value::Null).into()
        }
        "obliterate" => {
            let Obliterate { force, count } = arguments(line)?;
            let mut obliteration = queue.obliterate().step_size(count);
            if force {
                obliteration = obliteration.force();
            }
            obliteration.await.map(|_| Value::Null).into()
        }
        "trimEvents" => queue
            .trim_events(arguments::<Trim>(line)?.length)
            .await
            .into(),
        "removeDeduplicationKey" => {
            let Key { key } = arguments(line)?;
            queue.remove_deduplication_key(&key).await.into()
        }
        "removeOrphanedJobs" => queue.remove_orphans().await.into(),
        _ => Reply::inexpressible(&"no such step"),
    })
}

async fn clean(queue: &Queue, given: &Clean) -> Reply {
    let state = match given.state.as_str() {
        "completed" => Cleanable::Completed,
        "failed" => Cleanable::Failed,
        "wait" => Cleanable::Waiting,
        "delayed" => Cleanable::Delayed,
        "prioritized" => Cleanable::Prioritized,
        "active" => Cleanable::Active,
        _ => return Reply::inexpressible(&"no such state to clean"),
    };
    let mut sweep = queue
        .clean(state)
        .older_than(Duration::from_millis(given.grace));
    if given.limit == 0 {
        return sweep.await.into();
    }
    // Stock looks at so many jobs and no further, whichever of them may go; `at_most` goes on.
    sweep = sweep.step_size(given.limit);
    sweep.step().await.map(Option::unwrap_or_default).into()
}
