//! What can be asked of queues and jobs.

use bullrs::{
    JobHandle, JobSnapshot, JobState, Queue,
    job::{ChildCounts, JobLogs},
    queue::{Metrics, MetricsKind},
};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    reply::{Reply, arguments},
    session::Session,
};

#[derive(Deserialize)]
struct Subject {
    queue: String,
    #[serde(default)]
    id: String,
}

/// A range as stock has it: both ends belong to it, and -1 is the last.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Range {
    start: u64,
    end: i64,
    #[serde(default)]
    oldest_first: bool,
}

#[derive(Deserialize)]
struct Priorities {
    priorities: Vec<u32>,
}

#[derive(Deserialize)]
struct Until {
    until: i64,
}

#[derive(Deserialize)]
struct States {
    states: Vec<String>,
}

#[derive(Deserialize)]
struct Kind {
    kind: String,
}

#[derive(Deserialize)]
struct Max {
    max: u32,
}

#[derive(Deserialize)]
struct Key {
    key: String,
}

impl Range {
    fn end(&self) -> u64 {
        u64::try_from(self.end).map_or(u64::MAX, |end| end.saturating_add(1))
    }
}

pub(crate) async fn play_job(session: &Session, name: &str, line: &str) -> Reply {
    let (queue, id) = match arguments::<Subject>(line) {
        Ok(Subject { queue, id }) => (session.queue(&queue), id),
        Err(reply) => return reply,
    };
    if name == "job" {
        return job(&queue, &id).await;
    }
    ask_job(&queue.job(&id), name, line)
        .await
        .unwrap_or_else(|reply| reply)
}

async fn ask_job(job: &JobHandle, name: &str, line: &str) -> Result<Reply, Reply> {
    Ok(match name {
        "state" => job.state().await.map(JobState::as_str).into(),
        "logs" => {
            let range: Range = arguments(line)?;
            let logs = job.logs().range(range.start..range.end());
            let read = if range.oldest_first {
                logs.ascending().await
            } else {
                logs.descending().await
            };
            read.map(|JobLogs { rows, count, .. }| json!({ "logs": rows, "count": count }))
                .into()
        }
        "childrenValues" => job
            .children_values::<Value>()
            .await
            .map(|values| Value::Object(values.into_iter().collect()))
            .into(),
        "childrenFailures" => job
            .ignored_children_failures()
            .await
            .map(|reasons| {
                let reasons = reasons.into_iter().map(|(key, reason)| (key, json!(reason)));
                Value::Object(reasons.collect())
            })
            .into(),
        _ => job
            .children_counts()
            .await
            .map(|ChildCounts { processed, unprocessed, ignored, failed, .. }| {
                json!({ "processed": processed, "unprocessed": unprocessed, "ignored": ignored, "failed": failed })
            })
            .into(),
    })
}

pub(crate) async fn play_queue(session: &Session, name: &str, line: &str) -> Reply {
    let queue = match arguments::<Subject>(line) {
        Ok(Subject { queue, .. }) => session.queue(&queue),
        Err(reply) => return reply,
    };
    ask_queue(&queue, name, line)
        .await
        .unwrap_or_else(|reply| reply)
}

async fn ask_queue(queue: &Queue, name: &str, line: &str) -> Result<Reply, Reply> {
    Ok(match name {
        "counts" => queue
            .counts()
            .await
            .map(|counts| {
                // What 5.x parks in a paused queue waits, too.
                let states = JobState::ALL
                    .into_iter()
                    .filter(|state| *state != JobState::Paused);
                let pairs =
                    states.map(|state| (state.as_str().to_owned(), json!(counts.of(state))));
                Value::Object(pairs.collect())
            })
            .into(),
        "countsPerPriority" => {
            let Priorities { priorities } = arguments(line)?;
            let counts = queue.counts_per_priority(&priorities).await?;
            let pairs = priorities.iter().zip(counts);
            let pairs = pairs.map(|(priority, count)| (priority.to_string(), json!(count)));
            Reply::Answer(Value::Object(pairs.collect()))
        }
        "delayedCount" => queue
            .delayed_before(arguments::<Until>(line)?.until)
            .await
            .into(),
        "jobs" => jobs(queue, line).await?,
        "metrics" => {
            let Kind { kind } = arguments(line)?;
            let range: Range = arguments(line)?;
            let kind = if kind == "failed" {
                MetricsKind::Failed
            } else {
                MetricsKind::Completed
            };
            queue
                .metrics(kind)
                .range(range.start..range.end())
                .await
                .map(|found| metrics(&found))
                .into()
        }
        "isPaused" => queue.is_paused().await.into(),
        "isMaxed" => queue.is_maxed().await.into(),
        "settings" => {
            let limit = queue.global_rate_limit().await?;
            let limit = limit.map(|limit| {
                let duration = u64::try_from(limit.duration.as_millis()).unwrap_or(u64::MAX);
                json!({ "max": limit.max, "duration": duration })
            });
            Reply::Answer(
                json!({ "concurrency": queue.global_concurrency().await?, "rateLimit": limit }),
            )
        }
        "rateLimitTtl" => {
            let ttl = queue
                .rate_limit_ttl(Some(arguments::<Max>(line)?.max))
                .await;
            ttl.map(|ttl| ttl.map_or(0, |ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)))
                .into()
        }
        _ => queue
            .deduplication_job_id(&arguments::<Key>(line)?.key)
            .await
            .into(),
    })
}

async fn jobs(queue: &Queue, line: &str) -> Result<Reply, Reply> {
    let States { states } = arguments(line)?;
    let range: Range = arguments(line)?;
    let states = states
        .iter()
        .map(|state| state.parse::<JobState>())
        .collect::<bullrs::Result<Vec<_>>>()?;
    let list = queue.jobs(states).range(range.start..range.end());
    let list = if range.oldest_first {
        list.ascending()
    } else {
        list.descending()
    };
    let found = list.await?;
    let ids: Vec<&str> = found.iter().map(JobSnapshot::id).collect();
    Ok(Reply::Answer(json!(ids)))
}

fn metrics(found: &Metrics) -> Value {
    json!({
        "meta": {
            "count": found.count,
            "prevTS": found.previous_at.unwrap_or(0),
            "prevCount": found.previous_count,
        },
        "data": found.minutes,
        "count": found.minutes_kept,
    })
}

/// All that is known of a job; null when there is none.
pub(crate) async fn job(queue: &Queue, id: &str) -> Reply {
    match queue.job(id).snapshot().await {
        Ok(None) => Reply::done(),
        Ok(Some(job)) => told(&job).map(Value::Object).into(),
        Err(error) => error.into(),
    }
}

/// What it has, by stock's names; what it lacks is left out.
fn told(job: &JobSnapshot) -> bullrs::Result<Map<String, Value>> {
    let raw = |value: Option<&RawValue>| {
        value.map(|text| serde_json::from_str::<Value>(text.get()).unwrap_or(Value::Null))
    };
    let mut all = Map::new();
    let mut tell = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            all.insert(name.into(), value);
        }
    };
    tell("id", Some(json!(job.id())));
    if job.name().is_none() {
        // Its hash was lost; clients read defaults of their own.
        return Ok(all);
    }
    tell("name", job.name().map(|name| json!(name)));
    tell("data", raw(job.data()?));
    tell("timestamp", job.timestamp()?.map(|at| json!(at)));
    tell("delay", Some(json!(job.delay()?)));
    tell("priority", Some(json!(job.priority()?)));
    tell("attemptsMade", Some(json!(job.attempts_made()?)));
    tell("attemptsStarted", Some(json!(job.attempts_started()?)));
    tell("stalledCounter", Some(json!(job.stalled_count()?)));
    tell("processedOn", job.processed_on()?.map(|at| json!(at)));
    tell("finishedOn", job.finished_on()?.map(|at| json!(at)));
    tell("processedBy", job.processed_by().map(|name| json!(name)));
    tell("progress", Some(raw(job.progress()?).unwrap_or(json!(0))));
    tell(
        "returnvalue",
        Some(raw(job.return_value()?).unwrap_or(Value::Null)),
    );
    tell(
        "failedReason",
        job.failed_reason()
            .filter(|reason| !reason.is_empty())
            .map(|reason| json!(reason)),
    );
    tell("stacktrace", Some(json!(job.stacktrace()?.len())));
    tell("parentKey", job.parent_key().map(|key| json!(key)));
    tell(
        "deduplicationId",
        job.deduplication_id().map(|id| json!(id)),
    );
    tell("repeatJobKey", job.repeat_job_key().map(|key| json!(key)));
    tell(
        "deferredFailure",
        job.deferred_failure().map(|reason| json!(reason)),
    );
    Ok(all)
}
