//! One example of the chat format, with all that is wrong with it.

use serde_json::{Map, Value, value::RawValue};

use super::{Fault, message, message::Talk, tools};
use crate::processor::openai::{object::Object, request};

/// Fields of an example.
const FIELDS: [&str; 4] = ["messages", "tools", "parallel_tool_calls", "functions"];
/// Most images in one example.
const MOST_IMAGES: usize = 10;
/// Tokens that the format adds to each example and to each message.
const TOKENS_PER_EXAMPLE: u64 = 3;
const TOKENS_PER_MESSAGE: u64 = 4;

/// A valid example.
#[derive(Debug)]
pub(super) struct Example {
    /// As it goes into the file, but for white space.
    pub(super) json: String,
    pub(super) roles: Vec<&'static str>,
    pub(super) tokens: u64,
    pub(super) images: usize,
}

impl Example {
    /// Checks an example and puts `system` before its messages if none of them is one.
    pub(super) fn read(json: &str, system: Option<&str>) -> Result<Self, Vec<Fault>> {
        let value: Value = serde_json::from_str(json)
            .map_err(|_| vec![Fault::new("not_json", "the line must be JSON")])?;
        let Value::Object(fields) = &value else {
            return Err(vec![Fault::new(
                "not_an_object",
                "the example must be an object",
            )]);
        };
        let (talk, faults) = check(fields);
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut example = Self {
            json: json.to_owned(),
            tokens: TOKENS_PER_EXAMPLE
                + TOKENS_PER_MESSAGE * talk.roles.len() as u64
                + talk.tokens
                + tools::tokens(fields),
            images: talk.images,
            roles: talk.roles,
        };
        if let Some(system) = system
            && !example.roles.contains(&"system")
        {
            example.json = with_system(json, system)
                .map_err(|error| vec![Fault::new("not_json", error.to_string())])?;
            example.roles.insert(0, "system");
            example.tokens += TOKENS_PER_MESSAGE + super::content::tokens(system);
        }
        Ok(example)
    }
}

fn check(fields: &Map<String, Value>) -> (Talk, Vec<Fault>) {
    let mut faults = Vec::new();
    for name in fields
        .keys()
        .filter(|name| !FIELDS.contains(&name.as_str()))
    {
        let message = format!("{} is no field of an example", shown(name));
        faults.push(Fault::new("unknown_field", message));
    }
    let offered = tools::check(fields, &mut faults);
    let messages = match fields.get("messages") {
        Some(Value::Array(messages)) if !messages.is_empty() => messages.as_slice(),
        Some(Value::Array(_)) => {
            faults.push(Fault::new("messages_empty", "`messages` must not be empty"));
            &[]
        }
        Some(_) => {
            faults.push(Fault::new(
                "messages_not_a_list",
                "`messages` must be a list",
            ));
            &[]
        }
        None => {
            faults.push(Fault::new("messages_missing", "`messages` is missing"));
            &[]
        }
    };
    let mut talk = Talk::new(offered);
    for (index, one) in messages.iter().enumerate() {
        message::check(index, one, &mut talk, &mut faults);
    }
    if !messages.is_empty() {
        check_end(messages, &talk, &mut faults);
    }
    (talk, faults)
}

/// What can be told only when all messages are known.
fn check_end(messages: &[Value], talk: &Talk, faults: &mut Vec<Fault>) {
    let is_assistant =
        |message: &&Value| message.get("role").and_then(Value::as_str) == Some("assistant");
    let learned = |message: &Value| message.get("weight").and_then(Value::as_f64) != Some(0.0);
    if !messages.iter().any(|message| is_assistant(&message)) {
        let message = "there must be a message of the assistant to learn from";
        faults.push(Fault::new("no_assistant", message));
    } else if messages.last().is_some_and(|last| !is_assistant(&last)) {
        let message = "the last message must be the assistant's";
        faults.push(Fault::new("last_not_assistant", message));
    } else if !messages.iter().filter(is_assistant).any(learned) {
        let message = "every message of the assistant has weight 0, so nothing is learned";
        faults.push(Fault::new("nothing_to_learn", message));
    }
    if talk.images > MOST_IMAGES {
        let message = format!(
            "it has {} images, at most {MOST_IMAGES} are allowed",
            talk.images
        );
        faults.push(Fault::new("too_many_images", message));
    }
}

/// The example with a system message before the others, every field in its place.
fn with_system(json: &str, system: &str) -> Result<String, serde_json::Error> {
    let mut example: Object = serde_json::from_str(json)?;
    let mut messages = vec![request::message("system", system)?];
    if let Some(given) = example.get("messages") {
        messages.extend(serde_json::from_str::<Vec<Box<RawValue>>>(given.get())?);
    }
    example.put("messages", &messages)?;
    serde_json::to_string(&example)
}

/// A field's name if it looks like one; anything else may be content.
pub(super) fn shown(name: &str) -> String {
    let plain = name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if plain && !name.is_empty() {
        format!("`{name}`")
    } else {
        "an odd name".into()
    }
}
