//! The tools an example offers, and the calls its assistant makes.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Fault, content, message::Talk};

/// Most tools in one example.
const MOST: usize = 128;

/// Names that may be called; `None` where the example has no such list.
#[derive(Debug, Default)]
pub(super) struct Offered {
    tools: Option<BTreeSet<String>>,
    functions: Option<BTreeSet<String>>,
}

/// Reads `tools`, `functions` and `parallel_tool_calls`.
pub(super) fn check(fields: &Map<String, Value>, faults: &mut Vec<Fault>) -> Offered {
    let present = |name: &str| fields.get(name).filter(|value| !value.is_null());
    if present("parallel_tool_calls").is_some_and(|value| !value.is_boolean()) {
        let message = "`parallel_tool_calls` must be true or false";
        faults.push(Fault::new("parallel_tool_calls", message));
    }
    let mut read = |list: &str| {
        let value = present(list)?;
        let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
        if items.is_empty() || items.len() > MOST {
            let message = format!("`{list}` must be a list of 1 to {MOST}");
            faults.push(Fault::new("tools", message));
        }
        let mut names = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let (at, function) = if list == "tools" {
                (format!("tools[{index}].function"), item.get("function"))
            } else {
                (format!("functions[{index}]"), Some(item))
            };
            let is_function =
                list != "tools" || item.get("type").and_then(Value::as_str) == Some("function");
            if !is_function {
                let message = format!("`tools[{index}].type` must be `function`");
                faults.push(Fault::new("tools", message));
            }
            check_function(&at, function, &mut names, faults);
        }
        Some(names)
    };
    let tools = read("tools");
    let functions = read("functions");
    Offered { tools, functions }
}

fn check_function(
    at: &str,
    function: Option<&Value>,
    names: &mut BTreeSet<String>,
    faults: &mut Vec<Fault>,
) {
    let field = |name| function.and_then(|function| function.get(name));
    let name = field("name").and_then(Value::as_str);
    let fault = match name.filter(|name| is_name(name)) {
        Some(name) if names.insert(name.to_owned()) => None,
        Some(_) => Some("is there twice"),
        None => Some("must be 1 to 64 letters, digits, `_` or `-`"),
    };
    if let Some(fault) = fault {
        faults.push(Fault::new("tools", format!("`{at}.name` {fault}")));
    }
    if field("parameters").is_some_and(|parameters| !parameters.is_object()) {
        faults.push(Fault::new(
            "tools",
            format!("`{at}.parameters` must be an object"),
        ));
    }
}

/// Checks what an assistant's message calls, and notes it as open.
pub(super) fn check_calls(
    at: &str,
    fields: &Map<String, Value>,
    talk: &mut Talk,
    faults: &mut Vec<Fault>,
) {
    let present = |name: &str| fields.get(name).filter(|value| !value.is_null());
    if let Some(call) = present("function_call") {
        let at = format!("{at}.function_call");
        check_call(
            &at,
            call,
            talk.offered.functions.as_ref(),
            "functions",
            faults,
        );
    }
    let Some(calls) = present("tool_calls") else {
        return;
    };
    let calls = calls.as_array().map(Vec::as_slice).unwrap_or_default();
    if calls.is_empty() {
        let message = format!("`{at}.tool_calls` must be a list that is not empty");
        faults.push(Fault::new("tool_calls", message));
    }
    for (index, call) in calls.iter().enumerate() {
        let at = format!("{at}.tool_calls[{index}]");
        if call.get("type").and_then(Value::as_str) != Some("function") {
            faults.push(Fault::new(
                "tool_calls",
                format!("`{at}.type` must be `function`"),
            ));
        }
        match call
            .get("id")
            .and_then(Value::as_str)
            .filter(|id| !id.is_empty())
        {
            Some(id) if talk.open_calls.insert(id.to_owned()) => {}
            Some(_) => faults.push(Fault::new(
                "tool_calls",
                format!("`{at}.id` is there twice"),
            )),
            None => faults.push(Fault::new("tool_calls", format!("`{at}.id` is missing"))),
        }
        let function = call.get("function").unwrap_or(&Value::Null);
        let at = format!("{at}.function");
        check_call(&at, function, talk.offered.tools.as_ref(), "tools", faults);
        let arguments = function.get("arguments").and_then(Value::as_str);
        talk.tokens += content::tokens(arguments.unwrap_or_default());
    }
}

fn check_call(
    at: &str,
    call: &Value,
    offered: Option<&BTreeSet<String>>,
    list: &str,
    faults: &mut Vec<Fault>,
) {
    match (call.get("name").and_then(Value::as_str), offered) {
        (None, _) => faults.push(Fault::new("tool_calls", format!("`{at}.name` is missing"))),
        (Some(_), None) => {
            let message = format!("`{at}` calls a function, but the example has no `{list}`");
            faults.push(Fault::new("tools_missing", message));
        }
        (Some(name), Some(offered)) if !offered.contains(name) => {
            let message = format!("`{at}.name` is not among the example's `{list}`");
            faults.push(Fault::new("tool_unknown", message));
        }
        _ => {}
    }
    let arguments = call.get("arguments").and_then(Value::as_str);
    let is_json = arguments.is_some_and(|text| serde_json::from_str::<Value>(text).is_ok());
    if !is_json {
        let message = format!("`{at}.arguments` must be a text that holds JSON");
        faults.push(Fault::new("tool_arguments", message));
    }
}

/// A guess at the tokens of what the example offers.
pub(super) fn tokens(fields: &Map<String, Value>) -> u64 {
    ["tools", "functions"]
        .iter()
        .filter_map(|list| fields.get(*list))
        .map(|list| content::tokens(&list.to_string()))
        .sum()
}

/// Whether the API takes this as the name of a function or a participant.
pub(super) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
