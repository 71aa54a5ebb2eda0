//! The answer of a chat completion, put together from its chunks. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ApiError;

/// Largest answer that is kept, in bytes.
const LARGEST: usize = 16 * 1024 * 1024;
/// Most tool calls in one answer.
const MOST_TOOL_CALLS: usize = 1024;

/// One event of the stream, or a whole answer: what is read of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Chunk {
    id: Option<String>,
    model: Option<String>,
    object: Option<String>,
    choices: Option<Vec<Choice>>,
    usage: Option<ApiUsage>,
    error: Option<Value>,
}

impl Chunk {
    /// Whether the server tells of an error instead of going on.
    pub(super) fn is_error(&self) -> bool {
        self.error.as_ref().is_some_and(|error| !error.is_null())
            || self.object.as_deref() == Some("error")
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Choice {
    index: u64,
    #[serde(alias = "message")]
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
    /// What some models think aloud: progress, but no part of the answer.
    reasoning_content: Option<String>,
    tool_calls: Option<Vec<ToolCallPart>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ToolCallPart {
    index: Option<usize>,
    id: Option<String>,
    function: Option<FunctionPart>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FunctionPart {
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ApiUsage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
}

/// What a chat completion came to; the return value of `content.generate`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Completion {
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) content: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tool_calls: Vec<ToolCall>,
    pub(super) finish_reason: Option<String>,
    pub(super) usage: Option<Usage>,
    #[serde(skip)]
    pub(super) refused: bool,
}

/// A tool call that the model asks for.
#[derive(Debug, Default, Serialize)]
pub(super) struct ToolCall {
    id: String,
    name: String,
    arguments: String,
}

/// Tokens used.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_field_names,
    reason = "the names of the API, in camel case"
)]
pub(super) struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_tokens: Option<u64>,
}

/// The line that the job's log gets: nothing of the answer itself.
impl fmt::Display for Completion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let model = self.model.as_deref().unwrap_or("unknown model");
        let reason = self.finish_reason.as_deref().unwrap_or("unknown");
        write!(f, "{model}: finish_reason {reason}")?;
        if let Some(usage) = &self.usage {
            write!(
                f,
                ", {} prompt + {} completion = {} tokens",
                usage.prompt_tokens, usage.completion_tokens, usage.total_tokens
            )?;
        }
        match &self.id {
            Some(id) => write!(f, " ({id})"),
            None => Ok(()),
        }
    }
}

/// An answer that is still coming.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    id: Option<String>,
    model: Option<String>,
    content: String,
    characters: u64,
    refused: bool,
    tool_calls: Vec<ToolCall>,
    finish_reason: Option<String>,
    usage: Option<ApiUsage>,
    pieces: u64,
    bytes: usize,
    ended: bool,
}

impl Assembly {
    /// Adds what a chunk brings; an error says what is wrong with it.
    pub(super) fn add(&mut self, chunk: Chunk) -> Result<(), String> {
        self.id = self.id.take().or(chunk.id);
        self.model = self.model.take().or(chunk.model);
        self.usage = chunk.usage.or(self.usage.take());
        // One answer is asked for; another server's second one is not mixed in.
        let choices = chunk.choices.unwrap_or_default();
        for choice in choices.into_iter().filter(|choice| choice.index == 0) {
            self.finish_reason = choice.finish_reason.or(self.finish_reason.take());
            self.add_delta(choice.delta.unwrap_or_default())?;
        }
        Ok(())
    }

    fn add_delta(&mut self, delta: Delta) -> Result<(), String> {
        let mut brought = false;
        if let Some(text) = delta.content.filter(|text| !text.is_empty()) {
            brought = true;
            self.bytes += text.len();
            self.characters += text.chars().count() as u64;
            self.content.push_str(&text);
        }
        for part in delta.tool_calls.unwrap_or_default() {
            brought = true;
            self.add_tool_call(part)?;
        }
        if delta.refusal.is_some_and(|text| !text.is_empty()) {
            self.refused = true;
        }
        brought |= delta.reasoning_content.is_some_and(|text| !text.is_empty());
        self.pieces += u64::from(brought);
        if self.bytes > LARGEST {
            return Err("it is larger than 16 MiB".into());
        }
        Ok(())
    }

    fn add_tool_call(&mut self, part: ToolCallPart) -> Result<(), String> {
        let index = part.index.unwrap_or(self.tool_calls.len());
        if index >= MOST_TOOL_CALLS {
            return Err("it has more than 1024 tool calls".into());
        }
        if index >= self.tool_calls.len() {
            self.tool_calls.resize_with(index + 1, ToolCall::default);
        }
        let Some(call) = self.tool_calls.get_mut(index) else {
            return Ok(());
        };
        let function = part.function.unwrap_or_default();
        let arguments = function.arguments.unwrap_or_default();
        self.bytes += arguments.len();
        call.id.push_str(&part.id.unwrap_or_default());
        call.name.push_str(&function.name.unwrap_or_default());
        call.arguments.push_str(&arguments);
        Ok(())
    }

    /// Notes that the server said it is done.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// Whether the server said it is done.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether nothing of the answer is missing, even if the connection breaks now.
    pub(super) fn is_complete(&self) -> bool {
        self.ended || self.finish_reason.is_some()
    }

    /// Pieces of the answer so far; a server sends about one for each token.
    pub(super) fn pieces(&self) -> u64 {
        self.pieces
    }

    /// Tokens of the answer: as counted by the server once it has said so, pieces until then.
    pub(super) fn tokens(&self) -> u64 {
        let counted = self.usage.as_ref().map(|usage| usage.completion_tokens);
        counted.unwrap_or(self.pieces)
    }

    /// Characters of the answer so far.
    pub(super) fn characters(&self) -> u64 {
        self.characters
    }

    /// The whole answer.
    pub(super) fn finish(self, call: &'static str) -> Result<Completion, ApiError> {
        if !self.is_complete() {
            return Err(ApiError::Cut {
                call,
                reason: format!("the stream ended after {} pieces", self.pieces),
            });
        }
        Ok(Completion {
            id: self.id,
            model: self.model,
            content: self.content,
            tool_calls: self.tool_calls,
            finish_reason: self.finish_reason,
            usage: self.usage.map(|usage| Usage {
                prompt_tokens: usage.prompt_tokens,
                completion_tokens: usage.completion_tokens,
                total_tokens: usage.total_tokens,
                cached_tokens: usage.prompt_tokens_details.and_then(|of| of.cached_tokens),
                reasoning_tokens: usage
                    .completion_tokens_details
                    .and_then(|of| of.reasoning_tokens),
            }),
            refused: self.refused,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn assemble(chunks: &[Value]) -> Assembly {
        let mut assembly = Assembly::default();
        for chunk in chunks {
            let chunk = serde_json::from_value(chunk.clone()).unwrap();
            assembly.add(chunk).unwrap();
        }
        assembly
    }

    fn delta(delta: &Value, finish_reason: Option<&str>) -> Value {
        json!({"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})
    }

    #[test]
    fn tool_calls_come_together_from_their_parts() {
        let mut assembly = assemble(&[
            delta(
                &json!({"role": "assistant", "content": null, "tool_calls": [
                    {"index": 0, "id": "call_1", "type": "function",
                     "function": {"name": "find", "arguments": ""}}]}),
                None,
            ),
            delta(
                &json!({"tool_calls": [{"index": 0, "function": {"arguments": "{\"a\":"}}]}),
                None,
            ),
            delta(
                &json!({"tool_calls": [
                    {"index": 0, "function": {"arguments": "1}"}},
                    {"index": 1, "id": "call_2", "function": {"name": "stop"}}]}),
                None,
            ),
            delta(&json!({}), Some("tool_calls")),
        ]);
        assert_eq!(assembly.pieces(), 3);
        assembly.end();
        let completion = assembly.finish("x").unwrap();
        assert_eq!(
            serde_json::to_value(completion).unwrap(),
            json!({
                "id": null, "model": null, "content": "", "finishReason": "tool_calls",
                "usage": null,
                "toolCalls": [
                    {"id": "call_1", "name": "find", "arguments": "{\"a\":1}"},
                    {"id": "call_2", "name": "stop", "arguments": ""},
                ],
            })
        );
    }

    #[test]
    fn only_the_first_choice_counts_and_thinking_is_no_content() {
        let assembly = assemble(&[
            json!({"choices": [{"index": 1, "delta": {"content": "other"}}]}),
            delta(&json!({"reasoning_content": "hm"}), None),
            delta(&json!({"content": "né"}), Some("stop")),
        ]);
        assert_eq!((assembly.pieces(), assembly.characters()), (2, 2));
        assert_eq!(assembly.finish("x").unwrap().content, "né");
    }

    #[test]
    fn an_answer_without_an_end_is_cut() {
        let error = assemble(&[delta(&json!({"content": "a"}), None)]).finish("POST /x");
        assert_eq!(
            error.unwrap_err().to_string(),
            "POST /x broke off before its end: the stream ended after 1 pieces"
        );
    }

    #[test]
    fn a_tool_call_far_away_is_refused() {
        let mut assembly = Assembly::default();
        let chunk = delta(&json!({"tool_calls": [{"index": 1_000_000}]}), None);
        let chunk = serde_json::from_value(chunk).unwrap();
        assert!(assembly.add(chunk).is_err());
    }
}
