//! One message of an example, and how it follows those before it.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    Fault, content,
    example::shown,
    tools::{self, Offered},
};

/// Roles and the fields that their messages may have beside `role`.
const ROLES: [(&str, &[&str]); 5] = [
    ("system", &["content", "name"]),
    ("user", &["content", "name"]),
    (
        "assistant",
        &[
            "content",
            "name",
            "weight",
            "refusal",
            "audio",
            "tool_calls",
            "function_call",
        ],
    ),
    ("tool", &["content", "tool_call_id"]),
    ("function", &["content", "name"]),
];

/// What the messages so far come to.
#[derive(Debug)]
pub(super) struct Talk {
    pub(super) offered: Offered,
    pub(super) roles: Vec<&'static str>,
    pub(super) tokens: u64,
    pub(super) images: usize,
    /// Tool calls that the last message of the assistant made and no tool has answered.
    pub(super) open_calls: BTreeSet<String>,
}

impl Talk {
    pub(super) fn new(offered: Offered) -> Self {
        Self {
            offered,
            roles: Vec::new(),
            tokens: 0,
            images: 0,
            open_calls: BTreeSet::new(),
        }
    }
}

/// Checks the message at `messages[index]`.
pub(super) fn check(index: usize, message: &Value, talk: &mut Talk, faults: &mut Vec<Fault>) {
    let at = format!("messages[{index}]");
    let Value::Object(fields) = message else {
        let message = format!("`{at}` must be an object");
        faults.push(Fault::new("message_not_an_object", message));
        return;
    };
    let given = fields.get("role").and_then(Value::as_str);
    let Some((role, allowed)) = ROLES.iter().find(|(role, _)| Some(*role) == given) else {
        let (code, problem) = match fields.get("role") {
            None => ("role_missing", "is missing"),
            Some(_) => (
                "unknown_role",
                "must be `system`, `user`, `assistant` or `tool`",
            ),
        };
        faults.push(Fault::new(code, format!("`{at}.role` {problem}")));
        return;
    };
    talk.roles.push(role);
    for name in fields.keys() {
        if name != "role" && !allowed.contains(&name.as_str()) {
            let name = shown(name);
            let message = format!("`{at}` has {name}, which is no field of a {role} message");
            faults.push(Fault::new("unknown_message_field", message));
        }
    }
    check_name(&at, role, fields, faults);
    check_content(&at, role, fields, talk, faults);
    check_weight(&at, fields, faults);
    check_order(&at, role, fields, talk, faults);
    if *role == "assistant" {
        tools::check_calls(&at, fields, talk, faults);
    }
}

fn check_name(at: &str, role: &str, fields: &Map<String, Value>, faults: &mut Vec<Fault>) {
    let name = fields.get("name").filter(|name| !name.is_null());
    let fits = match name {
        Some(name) => name.as_str().is_some_and(tools::is_name),
        None => role != "function",
    };
    if !fits {
        let message = format!("`{at}.name` must be 1 to 64 letters, digits, `_` or `-`");
        faults.push(Fault::new("name", message));
    }
}

fn check_content(
    at: &str,
    role: &str,
    fields: &Map<String, Value>,
    talk: &mut Talk,
    faults: &mut Vec<Fault>,
) {
    let present = |name: &str| fields.get(name).filter(|value| !value.is_null());
    if let Some(refusal) = present("refusal") {
        match refusal.as_str().filter(|text| !text.trim().is_empty()) {
            Some(text) => talk.tokens += content::tokens(text),
            None => faults.push(Fault::new(
                "content_empty",
                format!("`{at}.refusal` must be a text that is not empty"),
            )),
        }
    }
    match present("content") {
        Some(given) => content::check(at, role, given, talk, faults),
        None if ["tool_calls", "function_call", "refusal", "audio"]
            .iter()
            .any(|name| role == "assistant" && present(name).is_some()) => {}
        None => {
            let message = format!("`{at}.content` is missing");
            faults.push(Fault::new("content_missing", message));
        }
    }
}

fn check_weight(at: &str, fields: &Map<String, Value>, faults: &mut Vec<Fault>) {
    let Some(weight) = fields.get("weight") else {
        return;
    };
    // A weight on another role is told as an unknown field.
    let fits = weight
        .as_f64()
        .is_some_and(|weight| weight == 0.0 || (weight - 1.0).abs() == 0.0);
    if !fits {
        let message = format!("`{at}.weight` must be 0 or 1");
        faults.push(Fault::new("weight", message));
    }
}

/// Tools answer the calls of the message before them, all of them, and nothing else.
fn check_order(
    at: &str,
    role: &str,
    fields: &Map<String, Value>,
    talk: &mut Talk,
    faults: &mut Vec<Fault>,
) {
    if role != "tool" {
        if !talk.open_calls.is_empty() {
            let message = format!("`{at}` comes before all tool calls are answered");
            faults.push(Fault::new("tool_call_unanswered", message));
            talk.open_calls.clear();
        }
        return;
    }
    match fields.get("tool_call_id").and_then(Value::as_str) {
        None => {
            let message = format!("`{at}.tool_call_id` is missing");
            faults.push(Fault::new("tool_call_id_missing", message));
        }
        Some(id) if !talk.open_calls.remove(id) => {
            let message = format!("`{at}.tool_call_id` names no open call of the assistant");
            faults.push(Fault::new("tool_call_id_unknown", message));
        }
        Some(_) => {}
    }
}
