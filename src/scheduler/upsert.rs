//! Making and changing a scheduler.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    Scheduler,
    plan::{self, Planned},
    template::{Own, Template},
};
use crate::{
    Error, Result, clock,
    cron::{Over, Rhythm, Schedule},
    job::{JobHandle, JobOptions, job_option_setters},
    script::call::{self, SchedulerUpsert},
    wire::{Pack, RepeatOpts, saturating_int},
};

/// A scheduler that is about to be made or changed.
///
/// A change takes back the job that is armed, unless it is running, and arms another. How many
/// iterations there were is known afterwards too, but a limit counts from the change on.
#[derive(Debug, Clone)]
#[must_use = "a scheduler is made only when the builder is awaited"]
pub struct UpsertScheduler<'a> {
    scheduler: &'a Scheduler,
    repeat: RepeatOpts,
    immediately: bool,
    template: Template,
}

/// The job that a scheduler has armed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Armed {
    /// The job.
    pub job: JobHandle,
    /// How long until it is due, by this machine's clock.
    pub delay: Duration,
}

impl<'a> UpsertScheduler<'a> {
    pub(super) fn new(scheduler: &'a Scheduler, set: impl FnOnce(&mut RepeatOpts)) -> Self {
        let mut repeat = RepeatOpts::default();
        set(&mut repeat);
        Self {
            scheduler,
            repeat,
            immediately: false,
            template: Template::new(&scheduler.id),
        }
    }

    /// Reads the pattern on the clocks of this zone: an IANA name such as `Europe/Paris`. Without
    /// one, the clocks of whichever machine plans the next job.
    pub fn time_zone(mut self, name: impl Into<String>) -> Self {
        self.repeat.tz = Some(name.into());
        self
    }

    /// Ends the schedule after so many jobs, counted from now.
    #[expect(clippy::cast_precision_loss, reason = "numbers are JavaScript's")]
    pub fn limit(mut self, jobs: u64) -> Self {
        self.repeat.limit = Some(jobs as f64);
        self
    }

    /// Counts so many jobs as made already, for the limit.
    #[expect(clippy::cast_precision_loss, reason = "numbers are JavaScript's")]
    pub fn count(mut self, jobs: u64) -> Self {
        self.repeat.count = Some(jobs as f64);
        self
    }

    /// Runs nothing before this time, in ms since 1970.
    pub fn start_date(mut self, at: i64) -> Self {
        self.repeat.start_date = Some(json!(at));
        self
    }

    /// Plans nothing after this time, in ms since 1970.
    pub fn end_date(mut self, at: i64) -> Self {
        self.repeat.end_date = Some(json!(at));
        self
    }

    /// Runs the first job of a cron schedule now, and the others at the pattern's times. A new
    /// interval begins at once without it.
    pub fn immediately(mut self) -> Self {
        self.immediately = true;
        self
    }

    /// Shifts an interval from the multiples of itself since 1970: an hour with an offset of five
    /// minutes runs at five past.
    pub fn offset(mut self, offset: Duration) -> Self {
        self.repeat.offset = Some(super::millis(offset));
        self
    }

    /// What the jobs are called, instead of by the scheduler's id, and the data that each gets.
    pub fn job(mut self, name: impl Into<String>, data: impl Serialize) -> Self {
        self.template.name = name.into();
        self.template.set_data(&data);
        self
    }

    job_option_setters!();

    fn options_mut(&mut self) -> &mut JobOptions {
        &mut self.template.options
    }

    /// The first `count` times at which a new scheduler of this kind would run if it were made
    /// now, in ms since 1970; fewer when it ends.
    ///
    /// # Errors
    /// As when it is made.
    pub fn preview(&self, count: usize) -> Result<Vec<i64>> {
        let now = clock::now();
        let (schedule, planned) = self.plan(now)?;
        let first = match (&schedule.rhythm, planned.slot) {
            (_, Some(slot)) => slot,
            (Rhythm::Every(every), None) => plan::first_of_interval(&schedule, *every, now),
            (Rhythm::Cron(_), None) => return Ok(Vec::new()),
        };
        let armed = plan::count(&self.repeat) + 1;
        Ok(plan::upcoming(&schedule, first, armed, now, count))
    }

    /// The first iteration, or all that is wrong.
    fn plan(&self, now: i64) -> Result<(Schedule, Planned)> {
        let local = TimeZone::system();
        let mut faults = self.template.check(self.scheduler.queue.default_options());
        let id = &self.scheduler.id;
        if id.is_empty() {
            faults.push("the id of a scheduler must not be empty".into());
        }
        let read = Schedule::read(&self.repeat, id, &local);
        if let Ok(schedule) = &read {
            if self.immediately && schedule.start_date.is_some() {
                faults.push("`immediately` and `startDate` must not be given both".into());
            }
            if matches!(schedule.rhythm, Rhythm::Cron(_)) && schedule.offset.is_some() {
                faults.push("`offset` must not be given with `pattern`, only with `every`".into());
            }
            if schedule.end_date.is_some_and(|end| end < now) {
                faults.push("`endDate` must not have passed".into());
            }
        }
        let schedule = match read {
            Ok(schedule) if faults.is_empty() => schedule,
            Ok(_) => return Err(Error::Options(faults)),
            Err(error) => {
                faults.insert(0, error.to_string());
                return Err(Error::Options(faults));
            }
        };
        let stored = stored(&self.repeat);
        match plan::plan(id, &self.repeat, &stored, None, now, &local)? {
            Ok(planned) => Ok((schedule, self.now_if_immediate(planned, now))),
            // A pattern whose first slot lies after the end may still run now.
            Err(Over::EndDate | Over::Pattern) if self.immediately => {
                let repeat = plan::next_repeat(&stored, &schedule, plan::count(&self.repeat));
                let slot = Some(now);
                Ok((schedule, Planned { slot, repeat }))
            }
            Err(over) => Err(Error::Options(vec![
                match over {
                    Over::Limit => "`limit` must be more than `count`, which is 0 by default",
                    Over::EndDate => "`endDate` must not be before the first time of the pattern",
                    Over::Pattern => "`pattern` must fit a time to come",
                }
                .into(),
            ])),
        }
    }

    fn now_if_immediate(&self, mut planned: Planned, now: i64) -> Planned {
        if self.immediately && planned.slot.is_some() {
            planned.slot = Some(now);
        }
        planned
    }

    async fn send(self) -> Result<Armed> {
        let queue = &self.scheduler.queue;
        let keys = queue.keys()?;
        let now = clock::now();
        let (schedule, planned) = self.plan(now)?;
        let template = self.template.over(queue.default_options());
        let own = Own {
            scheduler: &self.scheduler.id,
            now,
            slot: planned.slot,
        };
        let upsert = SchedulerUpsert {
            id: self.scheduler.id.clone(),
            slot: planned.slot,
            definition: Pack::new()
                .json(&definition(&template.name, &self.repeat, &schedule))
                .done(),
            data: template.data().to_owned(),
            template: template.pack(),
            opts: template.pack_with(&planned.repeat, own),
        };
        let (id, delay) = call::add_job_scheduler(queue.conn(), keys, &upsert, now).await?;
        Ok(Armed {
            job: queue.job(&id),
            delay: Duration::from_millis(delay),
        })
    }
}

impl<'a> IntoFuture for UpsertScheduler<'a> {
    type Output = Result<Armed>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

/// What the scheduler's hash has of the schedule.
fn definition(name: &str, repeat: &RepeatOpts, schedule: &Schedule) -> Value {
    let mut fields = Map::new();
    fields.insert("name".into(), json!(name));
    for (field, date) in [
        ("startDate", schedule.start_date),
        ("endDate", schedule.end_date),
    ] {
        if let Some(date) = date {
            fields.insert(field.into(), json!(date));
        }
    }
    let stored = stored(repeat);
    for field in ["tz", "pattern", "every", "limit"] {
        if let Some(value) = stored.get(field) {
            fields.insert(field.into(), value.clone());
        }
    }
    if let (Rhythm::Every(_), Some(offset)) = (&schedule.rhythm, schedule.offset) {
        fields.insert("offset".into(), json!(offset));
    }
    Value::Object(fields)
}

/// The options as a Node app would have them.
fn stored(repeat: &RepeatOpts) -> Map<String, Value> {
    let number = |value: Option<f64>| value.map(number);
    let text = |value: &Option<String>| {
        let text = value.as_deref().filter(|text| !text.is_empty());
        text.map(|text| json!(text))
    };
    [
        ("pattern", text(&repeat.pattern)),
        ("every", number(repeat.every.filter(|every| *every != 0.0))),
        ("tz", text(&repeat.tz)),
        ("limit", number(repeat.limit)),
        ("offset", number(repeat.offset)),
        ("startDate", repeat.start_date.clone()),
        ("endDate", repeat.end_date.clone()),
    ]
    .into_iter()
    .filter_map(|(field, value)| Some((field.to_owned(), value?)))
    .collect()
}

/// A whole number without a fraction, as JavaScript writes it.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 {
        json!(saturating_int(value))
    } else {
        json!(value)
    }
}
