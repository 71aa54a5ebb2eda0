//! `content.generate`: one chat completion.

use futures_util::future::BoxFuture;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::{RawValue, to_raw_value};

use super::{
    Builtins,
    assembly::Completion,
    completion::complete,
    error::{Halt, settle},
    input::{Input, or_cancelled},
    object::Object,
    request,
};
use crate::{
    BoxError,
    worker::{Outcome, Processor, RawJob},
};

/// Runs `content.generate`.
pub(super) struct Generate(pub(super) Builtins);

impl Processor for Generate {
    fn process(&self, job: RawJob) -> BoxFuture<'_, Result<Outcome, BoxError>> {
        Box::pin(async move {
            let result = or_cancelled(&job, self.run(&job)).await;
            settle(&job, result).await
        })
    }
}

/// The fields that this crate reads; the others go to the API unread.
#[derive(Deserialize)]
struct Asked {
    prompt: Option<String>,
    messages: Option<Vec<Message>>,
    system: Option<String>,
    model: Option<String>,
    n: Option<f64>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "role")]
    _role: String,
    #[serde(rename = "content")]
    _content: Option<IgnoredAny>,
}

impl Generate {
    async fn run(&self, job: &RawJob) -> Result<Box<RawValue>, Halt> {
        let input = Input::of(job);
        let (request, max_tokens) = body(&input, &self.0.options().model)?;
        let api = self.0.api()?;
        let redactor = api.redactor(input.text);
        let session = api.session(job, &redactor);
        let completion = complete(&session, job, &request, max_tokens).await?;
        accept(&completion, wants_json(&request))?;
        Ok(to_raw_value(&completion)?)
    }
}

/// The body of the call, and how many tokens its answer may have.
fn body(input: &Input<'_>, default_model: &str) -> Result<(Object, Option<f64>), Halt> {
    let fields = input.object()?;
    let asked: Asked = input.read()?;
    if asked.n.is_some_and(|n| (n - 1.0).abs() > f64::EPSILON) {
        return Err(input.fault("n", "must be 1; add a job for each answer"));
    }
    let mut request = Object::default();
    request.put("model", asked.model.as_deref().unwrap_or(default_model))?;
    request.put("messages", &messages(input, &fields, &asked)?)?;
    let max_tokens = request::finish(&mut request, input, &fields)?;
    Ok((request, max_tokens))
}

/// The conversation: `messages`, or `prompt` as the user's only one; `system` goes before.
fn messages(input: &Input<'_>, fields: &Object, asked: &Asked) -> Result<Vec<Box<RawValue>>, Halt> {
    let mut messages = Vec::new();
    if let Some(system) = &asked.system {
        messages.push(request::message("system", system)?);
    }
    match (&asked.prompt, &asked.messages) {
        (Some(_), Some(_)) => {
            return Err(input.fault("prompt", "must not stand beside `messages`"));
        }
        (None, None) => return Err(input.fault("prompt", "is missing, and so is `messages`")),
        (Some(prompt), None) if prompt.trim().is_empty() => {
            return Err(input.fault("prompt", "must not be empty"));
        }
        (Some(prompt), None) => messages.push(request::message("user", prompt)?),
        (None, Some(given)) if given.is_empty() => {
            return Err(input.fault("messages", "must not be empty"));
        }
        (None, Some(_)) => {
            let given = fields.get("messages").map_or("[]", |raw| raw.get());
            let given: Vec<Box<RawValue>> = serde_json::from_str(given)?;
            messages.extend(given);
        }
    }
    Ok(messages)
}

/// Whether the answer is of use. Asking again would cost as much and, for what is refused here,
/// bring the same.
pub(super) fn accept(completion: &Completion, json: bool) -> Result<(), Halt> {
    let reason = completion.finish_reason.as_deref();
    if completion.refused {
        return Err(Halt::for_good("the model refused to answer"));
    }
    if reason == Some("content_filter") {
        return Err(Halt::for_good(
            "the API's content filter stopped the answer",
        ));
    }
    let empty = completion.content.is_empty() && completion.tool_calls.is_empty();
    if reason == Some("length") && (empty || json) {
        let what = if empty {
            "any text"
        } else {
            "its JSON was whole"
        };
        return Err(Halt::for_good(format!(
            "the answer reached its token limit before {what}; raise `max_completion_tokens`"
        )));
    }
    if empty {
        return Err(Halt::attempt("the answer is empty"));
    }
    Ok(())
}

fn wants_json(request: &Object) -> bool {
    #[derive(Deserialize)]
    struct Format {
        r#type: String,
    }
    let format = request.get("response_format");
    format
        .and_then(|raw| serde_json::from_str::<Format>(raw.get()).ok())
        .is_some_and(|format| format.r#type.starts_with("json"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::testing::Recorder;

    fn built(data: &Value) -> Result<(String, Option<f64>), String> {
        let job = Arc::new(Recorder::default()).job("content", "generate", data);
        match body(&Input::of(&job), "default-model") {
            Ok((request, max)) => Ok((serde_json::to_string(&request).unwrap(), max)),
            Err(Halt::ForGood(error)) => Err(error.to_string()),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_prompt_becomes_a_conversation_and_known_parameters_pass() {
        let (body, max) = built(&json!({
            "contentJobId": "c1", "prompt": "Hi", "system": "Be brief", "maxTokens": 12.0,
            "temperature": 0.5, "response_format": {"type": "text"}, "unknown": 1, "stop": null,
        }))
        .unwrap();
        assert_eq!(
            body,
            r#"{"model":"default-model","messages":[{"role":"system","content":"Be brief"},{"role":"user","content":"Hi"}],"max_tokens":12.0,"temperature":0.5,"response_format":{"type":"text"},"stream":true,"stream_options":{"include_usage":true}}"#
        );
        assert_eq!(max, Some(12.0));
    }

    #[test]
    fn given_messages_pass_as_they_are() {
        let (body, max) = built(&json!({
            "model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]
        }))
        .unwrap();
        assert!(body.starts_with(
            r#"{"model":"m","messages":[{"content":[{"text":"x","type":"text"}],"role":"user"}],"#
        ));
        assert_eq!(max, None);
    }

    #[test]
    fn a_bad_input_is_told_by_its_path_and_without_its_content() {
        for (data, text) in [
            (
                json!([]),
                "cannot read data: invalid type, expected an object at line 1 column 0",
            ),
            (
                json!({"prompt": {"secret": 1}}),
                "cannot read data: at `prompt`: invalid type, expected a string at line 1 column 10",
            ),
            (
                json!({"messages": [{"role": "user", "content": "x"}, {"content": "secret"}]}),
                "cannot read data: at `messages[1]`: missing field `role` at line 1 column 63",
            ),
            (
                json!({}),
                "cannot read data: at `prompt`: is missing, and so is `messages`",
            ),
            (
                json!({"prompt": "x", "messages": [{"role": "user", "content": "x"}]}),
                "cannot read data: at `prompt`: must not stand beside `messages`",
            ),
            (
                json!({"prompt": " "}),
                "cannot read data: at `prompt`: must not be empty",
            ),
            (
                json!({"messages": []}),
                "cannot read data: at `messages`: must not be empty",
            ),
            (
                json!({"prompt": "x", "n": 2}),
                "cannot read data: at `n`: must be 1; add a job for each answer",
            ),
            (
                json!({"prompt": "x", "maxTokens": 2, "max_tokens": 2}),
                "cannot read data: at `maxTokens`: is given as `max_tokens` too",
            ),
        ] {
            assert_eq!(built(&data).unwrap_err(), text);
        }
    }

    #[test]
    fn answers_of_no_use_fail_for_good_or_for_now() {
        let verdict = |content: &str, reason: &str, refused, json| {
            let completion = Completion {
                id: None,
                model: None,
                content: content.into(),
                tool_calls: Vec::new(),
                finish_reason: Some(reason.into()),
                usage: None,
                refused,
            };
            match accept(&completion, json) {
                Ok(()) => "fine".to_owned(),
                Err(Halt::ForGood(error)) => error.to_string(),
                Err(Halt::Attempt(error)) => format!("again: {error}"),
                Err(other) => panic!("{other:?}"),
            }
        };
        assert_eq!(verdict("a", "stop", false, false), "fine");
        assert_eq!(verdict("a", "length", false, false), "fine");
        assert_eq!(
            verdict("{", "length", false, true),
            "the answer reached its token limit before its JSON was whole; \
             raise `max_completion_tokens`"
        );
        assert_eq!(
            verdict("", "length", false, false),
            "the answer reached its token limit before any text; raise `max_completion_tokens`"
        );
        assert_eq!(
            verdict("", "stop", true, false),
            "the model refused to answer"
        );
        assert_eq!(
            verdict("a", "content_filter", false, false),
            "the API's content filter stopped the answer"
        );
        assert_eq!(
            verdict("", "stop", false, false),
            "again: the answer is empty"
        );
    }
}
