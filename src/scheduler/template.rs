//! What each job of a scheduler is made from: a name, data, options.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    job::JobOptions,
    wire::{Json, Packed},
};

/// Options that belong to one job, and that each iteration has of its own.
const OF_ONE_JOB: [&str; 4] = ["jobId", "delay", "timestamp", "parent"];

/// The template of a scheduler's jobs.
#[derive(Clone)]
pub(super) struct Template {
    pub(super) name: String,
    /// JSON text, or why there is none.
    data: Result<String, String>,
    pub(super) options: JobOptions,
}

impl Template {
    /// A template without data, whose jobs are called `name`.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            data: Ok("{}".into()),
            options: JobOptions::new(),
        }
    }

    /// Takes data over; null and `()` are none, as in stock.
    pub(super) fn set_data(&mut self, data: &impl Serialize) {
        self.data = serde_json::to_string(data)
            .map(|json| if json == "null" { "{}".into() } else { json })
            .map_err(|error| error.to_string());
    }

    /// The template as it stands with the queue's default options.
    pub(super) fn over(&self, defaults: &JobOptions) -> Self {
        let mut merged = self.clone();
        merged.options = merged.options.over(defaults);
        merged
    }

    /// What is wrong with it, and with the queue's default options.
    pub(super) fn check(&self, defaults: &JobOptions) -> Vec<String> {
        let size = self.data.as_ref().map_or(0, String::len);
        let mut faults: Vec<String> = OF_ONE_JOB
            .into_iter()
            .filter(|name| self.options.get(name).is_some())
            .map(|name| format!("`{name}` is no option of a scheduler: each job gets its own"))
            .collect();
        let merged = self.options.clone().over(defaults);
        faults.extend(merged.check(&self.name, size));
        if let Err(fault) = &self.data {
            faults.push(format!("`data` has no JSON form: {fault}"));
        }
        faults
    }

    /// The data as JSON text.
    pub(super) fn data(&self) -> &str {
        self.data.as_deref().unwrap_or("{}")
    }

    /// The options that are stored.
    pub(super) fn pack(&self) -> Packed {
        self.options.pack_template()
    }

    /// The options of one job, with those that its schedule gives it.
    pub(super) fn pack_with(&self, repeat: &Map<String, Value>, own: Own<'_>) -> Packed {
        let mut options = self.options.clone();
        // What serde_json holds always has a form.
        options.set("repeat", Json::of(repeat).unwrap_or(Json::Null));
        options.set("timestamp", own.now);
        if let Some(slot) = own.slot {
            options.set("prevMillis", slot);
        }
        options.set("repeatJobKey", own.scheduler);
        options.pack_template()
    }
}

/// What an iteration has besides its template.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own<'a> {
    pub(super) scheduler: &'a str,
    pub(super) now: i64,
    /// Unix ms of a cron slot.
    pub(super) slot: Option<i64>,
}

/// Without the data, which is nobody's business.
impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Template")
            .field("name", &self.name)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
