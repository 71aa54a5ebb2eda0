//! What each job of a scheduler is made from: a name, data, options.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::wire::{Pack, Packed};

/// The template of a scheduler's jobs.
#[derive(Debug, Clone)]
pub(super) struct Template {
    pub(super) name: String,
    /// JSON text, or why there is none.
    pub(super) data: Result<String, String>,
    options: Map<String, Value>,
}

impl Template {
    /// A template without data, whose jobs are called `name`.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            data: Ok("{}".into()),
            options: Map::new(),
        }
    }

    pub(super) fn set_data(&mut self, data: &impl Serialize) {
        self.data = serde_json::to_string(data).map_err(|error| error.to_string());
    }

    pub(super) fn set(&mut self, option: &str, value: Value) {
        self.options.insert(option.to_owned(), value);
    }

    /// What is wrong with it.
    pub(super) fn check(&self) -> Vec<String> {
        self.data
            .as_ref()
            .err()
            .map(|fault| format!("`data` has no JSON form: {fault}"))
            .into_iter()
            .collect()
    }

    /// The options that are stored.
    pub(super) fn pack(&self) -> Packed {
        Pack::new()
            .json(&Value::Object(self.options.clone()))
            .done()
    }

    /// The options of one job, with those that its schedule gives it.
    pub(super) fn pack_with(&self, own: Map<String, Value>) -> Packed {
        let mut options = self.options.clone();
        options.extend(own);
        Pack::new().json(&Value::Object(options)).done()
    }
}
