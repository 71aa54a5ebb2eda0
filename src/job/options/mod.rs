//! The options of a job, in the form in which a Node app has them.

mod check;
mod setters;
mod stored;
mod values;

pub(crate) use setters::job_option_setters;
pub use values::{Backoff, Deduplication, Keep, Parent};

use std::{borrow::Cow, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap as _};

use crate::{Result, wire::Json};

/// Options of a job: for one that is added, for the jobs of a flow, or as a queue's defaults.
///
/// They are what BullMQ calls `JobsOptions`: each method sets one of its keys, and
/// [`option`](Self::option) any other. Options can be read from the JSON that a Node app has, by the
/// same names. They are checked, all at once, when a job is added.
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use = "options do nothing until a job gets them"]
pub struct JobOptions {
    /// In the order in which they were set, which is that of a JavaScript object.
    fields: Vec<(Cow<'static, str>, Json)>,
    /// What could not even be taken.
    faults: Vec<String>,
}

impl JobOptions {
    /// No options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the options of a Node app, an object of JSON: `{"delay": 100.5, "removeOnFail": 10}`.
    ///
    /// # Errors
    /// When it is not that; what the options say is checked when a job is added.
    pub fn from_json(text: &str) -> Result<Self> {
        crate::wire::read_json(text, "job options")
    }

    /// What an option is set to.
    pub fn get(&self, name: &str) -> Option<serde_json::Value> {
        serde_json::to_value(self.value(name)?).ok()
    }

    job_option_setters!();

    fn options_mut(&mut self) -> &mut Self {
        self
    }

    /// Sets all that `over` sets, each in the place where it stands already.
    pub(crate) fn merge(&mut self, over: Self) {
        if self.fields.is_empty() {
            self.fields = over.fields;
        } else {
            for (name, value) in over.fields {
                self.put(name, value);
            }
        }
        self.faults.extend(over.faults);
    }

    /// These options over those of the queue; the id is always the job's own.
    pub(crate) fn over(self, defaults: &Self) -> Self {
        if defaults.fields.is_empty() && defaults.faults.is_empty() {
            return self;
        }
        let has_id = self.value("jobId").is_some();
        let mut merged = defaults.clone();
        merged.merge(self);
        if has_id {
            merged
        } else {
            merged.without("jobId")
        }
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(key, _)| key != name);
        self
    }

    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<Json>) {
        self.put(Cow::Borrowed(name), value.into());
    }

    pub(crate) fn set_any(&mut self, name: String, value: &impl Serialize) {
        match Json::of(value) {
            Ok(value) => self.put(Cow::Owned(name), value),
            Err(fault) => self
                .faults
                .push(format!("`{name}` has no JSON form: {fault}")),
        }
    }

    pub(crate) fn set_backoff(&mut self, backoff: &Backoff) {
        match backoff.to_json() {
            Ok(stored) => self.set("backoff", stored),
            Err(fault) => self.faults.push(fault),
        }
    }

    pub(crate) fn set_keep(&mut self, name: &'static str, keep: Keep) {
        self.set(name, keep.to_json());
    }

    pub(crate) fn set_deduplication(&mut self, deduplication: &Deduplication) {
        self.set("deduplication", deduplication.to_json());
    }

    pub(crate) fn set_parent(&mut self, parent: &Parent) {
        match parent.to_json() {
            Ok(stored) => self.set("parent", stored),
            Err(fault) => self.faults.push(fault),
        }
    }

    pub(crate) fn set_telemetry(&mut self, name: &str, value: impl Into<Json>) {
        let mut telemetry = self.value("telemetry").cloned().filter(Json::is_truthy);
        let telemetry = telemetry.get_or_insert(Json::Object(Vec::new()));
        telemetry.set(name, value.into());
        self.set("telemetry", telemetry.clone());
    }

    fn put(&mut self, name: Cow<'static, str>, value: Json) {
        match self.fields.iter_mut().find(|(key, _)| *key == name) {
            Some((_, old)) => *old = value,
            None => self.fields.push((name, value)),
        }
    }

    fn value(&self, name: &str) -> Option<&Json> {
        self.fields
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    fn is_set(&self, name: &str) -> bool {
        self.value(name).is_some_and(Json::is_truthy)
    }
}

/// By the names that a Node app uses.
impl Serialize for JobOptions {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.fields.len()))?;
        for (name, value) in &self.fields {
            object.serialize_entry(name, value)?;
        }
        object.end()
    }
}

impl<'de> Deserialize<'de> for JobOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        match Json::deserialize(deserializer)? {
            Json::Object(fields) => Ok(Self {
                fields: fields
                    .into_iter()
                    .map(|(name, value)| (name.into(), value))
                    .collect(),
                faults: Vec::new(),
            }),
            Json::Null => Ok(Self::default()),
            _ => Err(de::Error::custom("expected an object of options")),
        }
    }
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_a_job_stand_in_the_places_of_the_defaults() {
        let defaults = JobOptions::new().id("x").attempts(3).lifo();
        let options = JobOptions::new()
            .delay(Duration::from_secs(1))
            .attempts(5)
            .over(&defaults);
        assert_eq!(
            serde_json::to_string(&options).unwrap(),
            r#"{"attempts":5,"lifo":true,"delay":1000}"#
        );
    }

    #[test]
    fn options_of_a_node_app_are_read_by_the_same_names() {
        let text = r#"{"delay":100.5,"mine":{"z":1,"a":[]},"removeOnFail":-1}"#;
        let options = JobOptions::from_json(text).unwrap();
        assert_eq!(serde_json::to_string(&options).unwrap(), text);
        assert_eq!(options.get("removeOnFail"), Some(serde_json::json!(-1)));
        assert_eq!(
            JobOptions::from_json("[1]").unwrap_err().to_string(),
            "cannot read job options: expected an object of options"
        );
    }

    #[test]
    fn both_parts_of_telemetry_are_one_option() {
        let options = JobOptions::new().telemetry("{}").omit_telemetry_context();
        assert_eq!(
            serde_json::to_string(&options).unwrap(),
            r#"{"telemetry":{"metadata":"{}","omitContext":true}}"#
        );
    }
}
