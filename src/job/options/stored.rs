//! From options to what an adding script gets (WIRE §2.1, §4.2).

use std::borrow::Cow;

use super::JobOptions;
use crate::wire::{Json, Pack, Packed, QueueKeys};

/// The options whose stored names are short.
const SHORT: [(&str, &str); 6] = [
    ("deduplication", "de"),
    ("failParentOnFailure", "fpof"),
    ("continueParentOnFailure", "cpof"),
    ("ignoreDependencyOnFailure", "idof"),
    ("removeDependencyOnFailure", "rdof"),
    ("keepLogs", "kl"),
];

/// The flags of the `parent` field, in the order in which stock writes them.
const LINK_FLAGS: [(&str, &str); 4] = [
    ("failParentOnFailure", "fpof"),
    ("removeDependencyOnFailure", "rdof"),
    ("ignoreDependencyOnFailure", "idof"),
    ("continueParentOnFailure", "cpof"),
];

/// How a job names its parent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ParentLink {
    /// `{prefix}:{queue}:{id}`.
    pub(crate) key: String,
    /// The `parent` field: `id`, `queueKey`, and what happens when the job fails.
    pub(crate) link: Json,
}

impl JobOptions {
    /// The map that becomes the `opts` field, in the order of a Node app's.
    pub(crate) fn pack(&self) -> Packed {
        let zero = Json::from(0_u64);
        let attempts = self.value("attempts").unwrap_or(&zero);
        let mut stored: Vec<(&str, Cow<'_, Json>)> = Vec::with_capacity(self.fields.len() + 1);
        stored.push(("attempts", Cow::Borrowed(attempts)));
        for (name, value) in &self.fields {
            match name.as_ref() {
                "attempts" | "repeatJobKey" => {}
                "backoff" => {
                    if let Some(backoff) = normal_backoff(value) {
                        put(&mut stored, "backoff", backoff);
                    }
                }
                name => put_short(&mut stored, name, value),
            }
        }
        pack(&stored)
    }

    /// The map that a scheduler stores and gives its jobs: the options as they were given, without
    /// what adding a job makes of them (WIRE §5.7).
    pub(crate) fn pack_template(&self) -> Packed {
        let mut stored: Vec<(&str, Cow<'_, Json>)> = Vec::with_capacity(self.fields.len());
        for (name, value) in &self.fields {
            put_short(&mut stored, name, value);
        }
        pack(&stored)
    }

    /// The id that the producer chose.
    pub(crate) fn custom_id(&self) -> Option<&str> {
        match self.value("jobId")? {
            Json::Text(id) if !id.is_empty() => Some(id),
            _ => None,
        }
    }

    /// When the job counts as added; none for now.
    pub(crate) fn added_at(&self) -> Option<f64> {
        self.value("timestamp")?.as_number().filter(|at| *at != 0.0)
    }

    /// Whether the job has a delay that holds it back; text is none, as in stock.
    pub(crate) fn is_delayed(&self) -> bool {
        self.value("delay")
            .and_then(Json::as_number)
            .is_some_and(|delay| delay > 0.0)
    }

    pub(crate) fn is_prioritized(&self) -> bool {
        self.is_set("priority")
    }

    /// The scheduler that made the job, for jobs that are moved between queues with their options.
    pub(crate) fn repeat_job_key(&self) -> Option<String> {
        let key = self.value("repeatJobKey")?.to_name();
        (!key.is_empty()).then_some(key)
    }

    /// The key of the deduplication window.
    pub(crate) fn window(&self, keys: &QueueKeys) -> Option<String> {
        let id = self.value("deduplication")?.get("id")?.to_name();
        (!id.is_empty()).then(|| keys.key(&format!("de:{id}")))
    }

    /// The parent that the options name.
    pub(crate) fn parent_link(&self) -> Option<ParentLink> {
        let parent = self.value("parent").filter(|parent| parent.is_truthy())?;
        let (id, queue) = (parent.get("id")?.to_name(), parent.get("queue")?.to_name());
        let key = format!("{queue}:{id}");
        let mut link = Json::object([("id", id.into()), ("queueKey", queue.into())]);
        for (option, flag) in LINK_FLAGS {
            if self.is_set(option) {
                link.set(flag, true.into());
            }
        }
        Some(ParentLink { key, link })
    }

    /// Makes a node of a flow the child of the node above it, whatever its options said.
    pub(crate) fn belong_to(&mut self, queue_key: &str, id: &str) {
        self.set(
            "parent",
            Json::object([("id", id.into()), ("queue", queue_key.into())]),
        );
    }
}

fn pack(stored: &[(&str, Cow<'_, Json>)]) -> Packed {
    let fields = stored.iter().map(|(name, value)| (*name, value.as_ref()));
    Pack::new().fields(fields).done()
}

/// Sets an option under its short name, if it has one.
fn put_short<'a>(stored: &mut Vec<(&'a str, Cow<'a, Json>)>, name: &'a str, value: &'a Json) {
    if name == "telemetry" {
        for (part, short) in [("metadata", "tm"), ("omitContext", "omc")] {
            if let Some(value) = value.get(part) {
                put(stored, short, Cow::Borrowed(value));
            }
        }
        return;
    }
    let short = SHORT.iter().find(|(long, _)| *long == name);
    put(
        stored,
        short.map_or(name, |(_, short)| short),
        Cow::Borrowed(value),
    );
}

/// Sets a stored option, in its place when it is there already.
fn put<'a>(stored: &mut Vec<(&'a str, Cow<'a, Json>)>, name: &'a str, value: Cow<'a, Json>) {
    match stored.iter_mut().find(|(key, _)| *key == name) {
        Some((_, old)) => *old = value,
        None => stored.push((name, value)),
    }
}

/// A number is a fixed delay; what JavaScript takes for false is no backoff.
fn normal_backoff(backoff: &Json) -> Option<Cow<'_, Json>> {
    match backoff {
        Json::Number(delay) => Some(Cow::Owned(Json::object([
            ("type", "fixed".into()),
            ("delay", Json::Number(delay.clone())),
        ]))),
        backoff => backoff.is_truthy().then_some(Cow::Borrowed(backoff)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(json: &str) -> String {
        let packed = JobOptions::from_json(json).unwrap().pack();
        let back: Json = rmp_serde::from_slice(&packed).unwrap();
        serde_json::to_string(&back).unwrap()
    }

    #[test]
    fn options_are_stored_under_short_names_in_their_order() {
        for (given, kept) in [
            ("{}", r#"{"attempts":0}"#),
            (
                r#"{"delay":5,"attempts":3,"keepLogs":2,"mine":[1]}"#,
                r#"{"attempts":3,"delay":5,"kl":2,"mine":[1]}"#,
            ),
            (
                r#"{"failParentOnFailure":true,"deduplication":{"ttl":1,"id":"a"}}"#,
                r#"{"attempts":0,"fpof":true,"de":{"ttl":1,"id":"a"}}"#,
            ),
            (
                r#"{"telemetry":{"omitContext":true,"metadata":"{}"},"lifo":true}"#,
                r#"{"attempts":0,"tm":"{}","omc":true,"lifo":true}"#,
            ),
            (
                r#"{"backoff":100.5}"#,
                r#"{"attempts":0,"backoff":{"type":"fixed","delay":100.5}}"#,
            ),
            (
                r#"{"backoff":null,"repeatJobKey":"s"}"#,
                r#"{"attempts":0}"#,
            ),
        ] {
            assert_eq!(stored(given), kept);
        }
    }

    #[test]
    fn a_parent_is_linked_with_what_a_failure_does_to_it() {
        let options = JobOptions::from_json(
            r#"{"parent":{"id":"p","queue":"bull:q"},"ignoreDependencyOnFailure":true}"#,
        );
        let link = options.unwrap().parent_link().unwrap();
        assert_eq!(link.key, "bull:q:p");
        assert_eq!(
            serde_json::to_string(&link.link).unwrap(),
            r#"{"id":"p","queueKey":"bull:q","idof":true}"#
        );
    }
}
