//! Reads what scripts reply.

use redis::Value;

use crate::{Error, Result};

/// The reply of a script that answers with a number.
pub(super) fn int(operation: &'static str, value: &Value) -> Result<i64> {
    match value {
        Value::Int(number) => Ok(*number),
        Value::BulkString(text) => std::str::from_utf8(text)
            .ok()
            .and_then(crate::wire::int_text)
            .ok_or_else(|| unexpected(operation, value)),
        _ => Err(unexpected(operation, value)),
    }
}

/// The reply as text; Redis text that is not UTF-8 is read as JavaScript would, with `\u{fffd}`.
pub(super) fn text(operation: &'static str, value: Value) -> Result<String> {
    match value {
        Value::BulkString(bytes) => Ok(lossy(bytes)),
        Value::SimpleString(text) => Ok(text),
        Value::Int(number) => Ok(number.to_string()),
        other => Err(unexpected(operation, &other)),
    }
}

/// The reply as an array; nothing counts as an empty one.
pub(super) fn array(operation: &'static str, value: Value) -> Result<Vec<Value>> {
    match value {
        Value::Array(items) => Ok(items),
        Value::Nil => Ok(Vec::new()),
        other => Err(unexpected(operation, &other)),
    }
}

/// A flat array of fields and values, as `HGETALL` replies inside a script.
pub(super) fn fields(operation: &'static str, value: Value) -> Result<Vec<String>> {
    array(operation, value)?
        .into_iter()
        .map(|item| text(operation, item))
        .collect()
}

pub(super) fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Says what kind of reply came, never its content.
pub(super) fn unexpected(operation: &'static str, value: &Value) -> Error {
    let kind = match value {
        Value::Nil => "nothing",
        Value::Int(_) => "a number",
        Value::BulkString(_) | Value::SimpleString(_) => "a text",
        Value::Array(_) => "an array of another shape",
        _ => "a reply of another kind",
    };
    Error::Redis {
        operation,
        message: format!("the script replied {kind}, which its contract does not have"),
        transient: false,
        ambiguous: false,
    }
}
