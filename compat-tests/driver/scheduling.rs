//! Job schedulers.

use bullrs::{Queue, scheduler::SchedulerInfo, wire::RepeatOpts};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::{
    adding::options,
    reply::{Reply, arguments},
    session::Session,
};

#[derive(Deserialize)]
struct Subject {
    queue: String,
    #[serde(default)]
    scheduler: String,
}

#[derive(Deserialize)]
struct Upsert {
    repeat: RepeatOpts,
    template: Option<Template>,
}

#[derive(Deserialize)]
struct Immediate {
    repeat: Immediately,
}

#[derive(Deserialize)]
struct Immediately {
    #[serde(default)]
    immediately: bool,
}

#[derive(Deserialize)]
struct Template {
    name: Option<String>,
    #[serde(default, deserialize_with = "crate::reply::given")]
    data: Option<Box<RawValue>>,
    opts: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    end: i64,
    oldest_first: bool,
}

pub(crate) async fn play(session: &Session, name: &str, line: &str) -> Reply {
    let Subject { queue, scheduler } = match arguments(line) {
        Ok(subject) => subject,
        Err(reply) => return reply,
    };
    let queue = session.queue(&queue);
    let played = match name {
        "upsertScheduler" => upsert(&queue, &scheduler, line).await,
        "removeScheduler" => Ok(queue.scheduler(&scheduler).remove().await.into()),
        "scheduler" => Ok(queue
            .scheduler(&scheduler)
            .info()
            .await
            .map(|info| info.as_ref().map_or(Value::Null, told))
            .into()),
        "schedulers" => list(&queue, line).await,
        _ => Ok(queue.scheduler_count().await.into()),
    };
    played.unwrap_or_else(|reply| reply)
}

async fn upsert(queue: &Queue, id: &str, line: &str) -> Result<Reply, Reply> {
    let Upsert { repeat, template } = arguments(line)?;
    let Immediate {
        repeat: Immediately { immediately },
    } = arguments(line)?;
    let scheduler = queue.scheduler(id);
    let mut change = scheduler.repeat(repeat);
    if immediately {
        change = change.immediately();
    }
    if let Some(Template { name, data, opts }) = template {
        let data = data.unwrap_or_else(crate::reply::empty);
        change = change.job(name.unwrap_or_else(|| id.to_owned()), data);
        change = change.options(options(opts.as_deref())?);
    }
    let armed = change.await;
    Ok(armed.map(|armed| json!({ "id": armed.job.id() })).into())
}

async fn list(queue: &Queue, line: &str) -> Result<Reply, Reply> {
    let Page { end, oldest_first } = arguments(line)?;
    let mut list = queue.schedulers();
    if !oldest_first {
        list = list.latest_first();
    }
    if let Ok(end) = u64::try_from(end) {
        list = list.take(end + 1);
    }
    Ok(list
        .await
        .map(|found| Value::Array(found.iter().map(told).collect()))
        .into())
}

/// What it has, by stock's names; what it lacks is left out.
fn told(info: &SchedulerInfo) -> Value {
    let millis = |duration: std::time::Duration| {
        json!(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    };
    let json_text = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    let mut template = Map::new();
    if let Some(data) = &info.data {
        template.insert("data".into(), json_text(data));
    }
    if let Some(options) = &info.options {
        template.insert("opts".into(), json_text(options));
    }
    let fields = [
        ("id", Some(json!(info.id))),
        ("name", Some(json!(info.name))),
        ("next", info.next.map(|at| json!(at))),
        ("iterationCount", info.iterations.map(|count| json!(count))),
        ("limit", info.limit.map(|count| json!(count))),
        ("startDate", info.start_date.map(|at| json!(at))),
        ("endDate", info.end_date.map(|at| json!(at))),
        ("tz", info.time_zone.as_ref().map(|zone| json!(zone))),
        (
            "pattern",
            info.pattern.as_ref().map(|pattern| json!(pattern)),
        ),
        ("every", info.every.map(millis)),
        ("offset", info.offset.map(millis)),
        (
            "template",
            (!template.is_empty()).then_some(Value::Object(template)),
        ),
    ];
    let known = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(known.collect())
}
