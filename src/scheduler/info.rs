//! What Redis holds of a scheduler (WIRE §1.5).

use std::time::Duration;

use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;

use super::plan;
use crate::{
    Queue, Result, clock,
    cron::Schedule,
    script::call,
    wire::{JobOpts, RepeatOpts, int_text, read_json},
};

/// A scheduler as it stands in Redis. Times are in ms since 1970.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SchedulerInfo {
    /// The scheduler's id.
    pub id: String,
    /// What its jobs are called.
    pub name: String,
    /// When its next job is due; where that has run and none followed, when it was due.
    pub next: Option<i64>,
    /// Its cron pattern, if it has one.
    pub pattern: Option<String>,
    /// Its interval, if it has one.
    pub every: Option<Duration>,
    /// How far an interval is shifted from its multiples.
    pub offset: Option<Duration>,
    /// The zone of the pattern; if none was given, that of whoever plans the next job.
    pub time_zone: Option<String>,
    /// How many jobs it may make.
    pub limit: Option<u64>,
    /// How many jobs it has made, with the one that is next; none for a repeatable of a 5.x app.
    pub iterations: Option<u64>,
    /// Nothing runs before this.
    pub start_date: Option<i64>,
    /// Nothing is planned after this.
    pub end_date: Option<i64>,
    /// The data of its jobs, as JSON; none for `{}`.
    pub data: Option<String>,
    /// The options of its jobs as they are stored, as JSON; none when there are none.
    pub options: Option<String>,
}

impl SchedulerInfo {
    /// Reads a scheduler's hash, given as fields and values in turn; `None` when it is empty.
    pub(super) fn read(id: &str, fields: Vec<String>, next: Option<i64>) -> Option<Self> {
        if fields.is_empty() {
            return None;
        }
        let mut info = Self {
            id: id.to_owned(),
            next,
            ..Self::default()
        };
        let count = |text: &str| int_text(text).and_then(|number| u64::try_from(number).ok());
        let mut fields = fields.into_iter();
        while let (Some(field), Some(text)) = (fields.next(), fields.next()) {
            match field.as_str() {
                "name" => info.name = text,
                "pattern" => info.pattern = Some(text),
                "every" => info.every = count(&text).map(Duration::from_millis),
                "offset" => info.offset = count(&text).map(Duration::from_millis),
                "tz" => info.time_zone = Some(text),
                "limit" => info.limit = count(&text),
                "ic" => info.iterations = count(&text),
                "startDate" => info.start_date = int_text(&text),
                "endDate" => info.end_date = int_text(&text),
                "data" => info.data = Some(text),
                "opts" => info.options = Some(text),
                _ => {}
            }
        }
        Some(info)
    }

    /// The data that each job gets, decoded.
    ///
    /// # Errors
    /// [`Error::Decode`](crate::Error::Decode) when it is not the JSON of a `T`.
    pub fn data_as<T: DeserializeOwned>(&self) -> Result<T> {
        let text = self.data.as_deref().unwrap_or("{}");
        read_json(text, &format!("the data of scheduler `{}`", self.id))
    }
}

/// Without the data, which is nobody's business.
impl std::fmt::Debug for SchedulerInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SchedulerInfo")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("next", &self.next)
            .field("pattern", &self.pattern)
            .field("every", &self.every)
            .field("offset", &self.offset)
            .field("time_zone", &self.time_zone)
            .field("limit", &self.limit)
            .field("iterations", &self.iterations)
            .field("start_date", &self.start_date)
            .field("end_date", &self.end_date)
            .finish_non_exhaustive()
    }
}

/// The next times of a scheduler. Workers plan by the options of the job before (WIRE §5.7), so
/// those of the armed job are what counts.
pub(super) async fn upcoming(queue: &Queue, id: &str, most: usize) -> Result<Vec<i64>> {
    let (conn, keys) = (queue.conn(), queue.keys()?);
    let Some((fields, Some(due))) = call::job_scheduler(conn, keys, id).await? else {
        return Ok(Vec::new());
    };
    let job = format!("repeat:{id}:{due}");
    let stored = call::hash_fields(conn, &keys.job(&job), &["opts", "processedOn"]).await?;
    // A job that has started without planning another, or is gone, was the last.
    let Ok([Some(opts), None]) = <[Option<String>; 2]>::try_from(stored) else {
        return Ok(Vec::new());
    };
    let opts: JobOpts = read_json(&opts, &format!("`opts` of job `{job}`"))?;
    let mut repeat: RepeatOpts = opts.repeat.unwrap_or_default();
    let info = SchedulerInfo::read(id, fields, Some(due)).unwrap_or_default();
    follow(&mut repeat, &info);
    let schedule = Schedule::read(&repeat, id, &TimeZone::system())?;
    let count = plan::count(&repeat);
    Ok(plan::upcoming(&schedule, due, count, clock::now(), most))
}

/// Takes over what the scripts read from the scheduler's hash before the job's options.
#[expect(clippy::cast_precision_loss, reason = "numbers are JavaScript's")]
fn follow(repeat: &mut RepeatOpts, info: &SchedulerInfo) {
    if repeat
        .pattern
        .as_deref()
        .is_some_and(|pattern| !pattern.is_empty())
    {
        return;
    }
    let number = |duration: Duration| duration.as_millis() as f64;
    if let Some(every) = info.every {
        repeat.every = Some(number(every));
    }
    if let Some(offset) = info.offset {
        repeat.offset = Some(number(offset));
    }
}
