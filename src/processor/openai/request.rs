//! The body of a chat completion: what of a job's input goes into it.

use serde_json::value::{RawValue, to_raw_value};

use super::{error::Halt, input::Input, object::Object};

/// Fields of the input that are passed to the API as they are; each may also be written in camel
/// case. The rest of a chat completion's parameters are ours: the messages, the model, the stream.
const PARAMETERS: [&str; 28] = [
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "stop",
    "seed",
    "response_format",
    "reasoning_effort",
    "verbosity",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "functions",
    "function_call",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "prediction",
    "web_search_options",
    "service_tier",
    "store",
    "metadata",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
];

/// Adds the parameters that the input sets, and asks for the answer piece by piece with the usage at
/// its end. Returns how many tokens the answer may have, if the input says.
pub(super) fn finish(
    request: &mut Object,
    input: &Input<'_>,
    fields: &Object,
) -> Result<Option<f64>, Halt> {
    for name in PARAMETERS {
        let camel = camel_case(name);
        let value = match (fields.get(name), fields.get(&camel)) {
            (Some(_), Some(_)) if camel != name => {
                return Err(input.fault(&camel, format!("is given as `{name}` too")));
            }
            (value, other) => value.or(other),
        };
        if let Some(value) = value {
            request.set(name, value.to_owned());
        }
    }
    request.put("stream", &true)?;
    request.put(
        "stream_options",
        &serde_json::json!({"include_usage": true}),
    )?;
    Ok(["max_completion_tokens", "max_tokens"]
        .iter()
        .find_map(|name| request.get(name)?.get().parse().ok()))
}

/// One message of a conversation.
pub(super) fn message(role: &str, content: &str) -> Result<Box<RawValue>, serde_json::Error> {
    let mut message = Object::default();
    message.put("role", role)?;
    message.put("content", content)?;
    to_raw_value(&message)
}

/// `max_tokens` as a TypeScript app spells it: `maxTokens`.
fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (first, rest) = part.split_at(1);
        camel.push_str(&first.to_ascii_uppercase());
        camel.push_str(rest);
    }
    camel
}
