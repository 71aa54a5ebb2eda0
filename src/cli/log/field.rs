//! Fields of events and spans, flat and without secrets.

use std::fmt;

use serde_json::Value;
use tracing::field::{Field, Visit};

use crate::config::Redactor;

/// Names and values in the order in which they were recorded.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(pub(super) Vec<(String, Value)>);

impl Fields {
    /// Reads what `record` visits.
    pub(super) fn read(redactor: &Redactor, record: impl FnOnce(&mut dyn Visit)) -> Self {
        let mut reader = Reader {
            redactor,
            fields: Self::default(),
        };
        record(&mut reader);
        reader.fields
    }

    /// Sets a field; a later value of a name replaces the earlier one.
    pub(super) fn set(&mut self, name: &str, value: Value) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Adds the fields of another list.
    pub(super) fn extend(&mut self, other: &Self) {
        for (name, value) in &other.0 {
            self.set(name, value.clone());
        }
    }

    /// Takes the event's text out.
    pub(super) fn take_message(&mut self) -> String {
        let Some(at) = self.0.iter().position(|(name, _)| name == "message") else {
            return String::new();
        };
        match self.0.remove(at).1 {
            Value::String(text) => text,
            other => other.to_string(),
        }
    }
}

struct Reader<'r> {
    redactor: &'r Redactor,
    fields: Fields,
}

impl Reader<'_> {
    fn set(&mut self, field: &Field, value: Value) {
        self.fields.set(&flat(field.name()), value);
    }

    fn text(&mut self, field: &Field, text: &str) {
        let clean = self.redactor.clean(text).into_owned();
        self.set(field, Value::String(clean));
    }
}

impl Visit for Reader<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut next = value.source();
        while let Some(cause) = next {
            text.extend([": ", &cause.to_string()]);
            next = cause.source();
        }
        self.text(field, &text);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        let number = i64::try_from(value).map(Value::from);
        self.set(field, number.unwrap_or_else(|_| value.to_string().into()));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        let number = u64::try_from(value).map(Value::from);
        self.set(field, number.unwrap_or_else(|_| value.to_string().into()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }
}

/// Flat names, as log stores index them: `job.id` is `job_id`, and a job's `took_ms` is its
/// `duration_ms`.
fn flat(name: &str) -> String {
    match name {
        "took_ms" => "duration_ms".to_owned(),
        _ => name.replace('.', "_"),
    }
}
