//! What is done to a job by its id.

use std::time::Duration;

use bullrs::{Error, JobHandle};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    reply::{Reply, arguments, unit},
    session::Session,
};

#[derive(Deserialize)]
struct Subject {
    queue: String,
    id: String,
}

#[derive(Deserialize)]
struct Data {
    data: Box<RawValue>,
}

#[derive(Deserialize)]
struct Progress {
    progress: Box<RawValue>,
}

#[derive(Deserialize)]
struct Row {
    row: String,
}

#[derive(Deserialize)]
struct Keep {
    keep: u64,
}

#[derive(Deserialize)]
struct Delay {
    delay: u64,
}

#[derive(Deserialize)]
struct Priority {
    priority: u32,
    lifo: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Retry {
    state: String,
    reset_made: bool,
    reset_started: bool,
}

#[derive(Deserialize)]
struct Remove {
    children: bool,
}

pub(crate) async fn play(session: &Session, name: &str, line: &str) -> Reply {
    let job = match arguments::<Subject>(line) {
        Ok(Subject { queue, id }) => session.queue(&queue).job(&id),
        Err(reply) => return reply,
    };
    change(&job, name, line).await.unwrap_or_else(|reply| reply)
}

async fn change(job: &JobHandle, name: &str, line: &str) -> Result<Reply, Reply> {
    Ok(match name {
        "updateData" => unit(job.update_data(arguments::<Data>(line)?.data).await),
        "updateProgress" => unit(
            job.update_progress(arguments::<Progress>(line)?.progress)
                .await,
        ),
        "log" => job.log(arguments::<Row>(line)?.row).await.into(),
        "clearLogs" => unit(job.clear_logs(arguments::<Keep>(line)?.keep).await),
        "changeDelay" => {
            let delay = Duration::from_millis(arguments::<Delay>(line)?.delay);
            unit(job.change_delay(delay).await)
        }
        "changePriority" => {
            let Priority { priority, lifo } = arguments(line)?;
            let change = job.change_priority(priority);
            unit(if lifo {
                change.lifo().await
            } else {
                change.await
            })
        }
        "promote" => unit(job.promote().await),
        "retry" => retry(job, &arguments(line)?).await,
        "remove" => {
            let removal = job.remove();
            let removed = if arguments::<Remove>(line)?.children {
                removal.await
            } else {
                removal.keep_children().await
            };
            match removed {
                Ok(()) => Reply::Answer(true.into()),
                // Stock says so with its reply instead of an error.
                Err(Error::JobLocked { .. }) => Reply::Answer(false.into()),
                Err(error) => error.into(),
            }
        }
        "removeUnprocessedChildren" => unit(job.remove_unprocessed_children().await),
        "removeChildDependency" => job.remove_child_dependency().await.into(),
        _ => job.remove_deduplication_key().await.into(),
    })
}

async fn retry(job: &JobHandle, given: &Retry) -> Reply {
    let mut retry = job.retry();
    if given.state == "completed" {
        retry = retry.completed();
    }
    if given.reset_made {
        retry = retry.reset_attempts();
    }
    if given.reset_started {
        retry = retry.reset_starts();
    }
    unit(retry.await)
}
