//! One `[queues.NAME]` table.

use std::{borrow::Cow, collections::BTreeMap, time::Duration};

use toml::{Spanned, de::DeValue};

use super::{
    closest, duration,
    file::{Walker, unknown},
    key::LATER_QUEUE,
    parse::count,
};
use crate::{
    wire::{Limiter, QueueKeys},
    worker::NameOptions,
};

/// Keys of `[queues.NAME]`.
pub(crate) const QUEUE: [&str; 6] = ["concurrency", "weight", "limiter", "timeout", "ttl", "jobs"];
const LIMITER: [&str; 2] = ["max", "duration"];
/// Keys of `[queues.NAME.jobs.NAME]`.
pub(crate) const JOBS: [&str; 3] = ["concurrency", "timeout", "ttl"];

/// What the file says about a queue.
#[derive(Debug, Clone, Default)]
pub struct QueueSection {
    /// The queue's name.
    pub name: String,
    /// Where the table begins.
    pub line: usize,
    /// Jobs at once, and the line that says so.
    pub concurrency: Option<(usize, usize)>,
    /// Share of the process-wide slots, and the line that says so.
    pub weight: Option<(u32, usize)>,
    /// Rate limit.
    pub limiter: Option<Limiter>,
    /// Longest time for one attempt.
    pub timeout: Option<Duration>,
    /// Age at which a job is no longer worth running.
    pub ttl: Option<Duration>,
    /// Differing rules for jobs of a name.
    pub jobs: BTreeMap<String, NameOptions>,
}

type Name<'t, 'i> = &'t Spanned<Cow<'i, str>>;

impl QueueSection {
    pub(super) fn read(
        walker: &mut Walker<'_>,
        name: Name<'_, '_>,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Self> {
        let table = format!("queues.{}", name.get_ref());
        if let Err(error) = QueueKeys::new("bull", name.get_ref()) {
            walker.fault(name.span(), &format!("`[{table}]`: {error}"));
            return None;
        }
        let mut section = Self {
            name: name.get_ref().clone().into_owned(),
            line: walker.line(&name.span()),
            ..Self::default()
        };
        for (key, value) in walker.entries(&format!("`[{table}]`"), value) {
            let path = format!("{table}.{}", key.get_ref());
            match key.get_ref().as_ref() {
                "concurrency" => {
                    let line = walker.line(&value.span());
                    section.concurrency = walker
                        .read(&path, value, |text| count(text, 1))
                        .map(|number| (number as usize, line));
                }
                "weight" => {
                    let line = walker.line(&value.span());
                    section.weight = walker
                        .read(&path, value, |text| count(text, 1))
                        .map(|number| (number, line));
                }
                "limiter" => section.limiter = limiter(walker, &path, value),
                "timeout" => section.timeout = walker.read(&path, value, positive),
                "ttl" => section.ttl = walker.read(&path, value, positive),
                "jobs" => section.jobs = jobs(walker, &path, value),
                _ => refuse(walker, &table, key, &QUEUE),
            }
        }
        Some(section)
    }
}

fn limiter(walker: &mut Walker<'_>, table: &str, value: &Spanned<DeValue<'_>>) -> Option<Limiter> {
    let (mut max, mut window) = (None, None);
    let entries = walker.entries(&format!("`{table}`"), value);
    let is_table = matches!(value.get_ref(), DeValue::Table(_));
    for (key, value) in &entries {
        let path = format!("{table}.{}", key.get_ref());
        match key.get_ref().as_ref() {
            "max" => max = Some(walker.read(&path, value, |text| count(text, 1))),
            "duration" => window = Some(walker.read(&path, value, positive)),
            _ => refuse(walker, table, key, &LIMITER),
        }
    }
    for (name, missing) in [("max", max.is_none()), ("duration", window.is_none())] {
        if is_table && missing {
            walker.fault(value.span(), &format!("`{table}` needs `{name}`"));
        }
    }
    Some(Limiter {
        max: max??,
        duration: window??,
    })
}

fn jobs(
    walker: &mut Walker<'_>,
    table: &str,
    value: &Spanned<DeValue<'_>>,
) -> BTreeMap<String, NameOptions> {
    let mut jobs = BTreeMap::new();
    for (name, value) in walker.entries(&format!("`[{table}]`"), value) {
        let table = format!("{table}.{}", name.get_ref());
        let mut options = NameOptions::default();
        for (key, value) in walker.entries(&format!("`[{table}]`"), value) {
            let path = format!("{table}.{}", key.get_ref());
            match key.get_ref().as_ref() {
                "concurrency" => {
                    options.concurrency = walker
                        .read(&path, value, |text| count(text, 1))
                        .map(|number| number as usize);
                }
                "timeout" => options.timeout = walker.read(&path, value, positive),
                "ttl" => options.ttl = walker.read(&path, value, positive),
                _ => refuse(walker, &table, key, &JOBS),
            }
        }
        jobs.insert(name.get_ref().clone().into_owned(), options);
    }
    jobs
}

/// A duration of at least 1 ms: a timeout or window of 0 is never what was meant.
fn positive(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration.is_zero() {
        return Err(format!("must be longer than `{text}`"));
    }
    Ok(duration)
}

fn refuse(walker: &mut Walker<'_>, table: &str, key: Name<'_, '_>, known: &[&str]) {
    let name = key.get_ref().as_ref();
    let text = if LATER_QUEUE.contains(&name) {
        format!("`{name}` in `[{table}]` is not supported by this version")
    } else {
        let candidate = closest(name, known.iter().copied());
        unknown(name, &format!("in `[{table}]`"), candidate)
    };
    walker.fault(key.span(), &text);
}
