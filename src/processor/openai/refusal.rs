//! Reads what a server says when it refuses: the API's own shape, and those of its imitators.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::{ApiError, redact::Redactor};

/// The error that a status, its headers and its body stand for. Without a status the body stood in
/// a stream.
pub(super) fn refusal(
    call: &'static str,
    status: Option<u16>,
    headers: &HeaderMap,
    body: &[u8],
    redactor: &Redactor<'_>,
) -> ApiError {
    let said = serde_json::from_slice::<Value>(body).unwrap_or(Value::Null);
    let error = said.get("error").unwrap_or(&said);
    let code = [error.get("code"), error.get("type")]
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .find_map(|text| identifier(text, 64))
        .map(|code| redactor.clean(code));
    let message = [
        error.get("message"),
        Some(error),
        said.get("message"),
        said.get("detail"),
    ]
    .into_iter()
    .flatten()
    .find_map(Value::as_str);
    let message = match message {
        Some(text) => redactor.clean(text),
        // A proxy's page, a list of validation errors: it may quote anything.
        None if (300..400).contains(&status.unwrap_or_default()) => {
            "a redirect, which is not followed; set `OPENAI_BASE_URL` to the final address".into()
        }
        None => "no message that can be read".into(),
    };
    ApiError::Refused {
        call,
        verb: if status.is_some() {
            "answered"
        } else {
            "broke off with"
        },
        status: status.unwrap_or_else(|| status_of(error, code.as_deref())),
        code,
        message,
        request_id: text(headers, "x-request-id")
            .and_then(|id| identifier(id, 64))
            .map(Into::into),
        retry_after: wait_asked(headers),
    }
}

/// Codes and types of errors that mean 429.
const TOO_MUCH: [&str; 5] = [
    "rate_limit_exceeded",
    "rate_limit_error",
    "insufficient_quota",
    "requests",
    "tokens",
];

/// The status that an error in a stream would have had as an answer.
fn status_of(error: &Value, code: Option<&str>) -> u16 {
    let number = error.get("code").and_then(Value::as_u64);
    if let Some(status) = number.and_then(|number| u16::try_from(number).ok())
        && (400..600).contains(&status)
    {
        return status;
    }
    let words = [code, error.get("type").and_then(Value::as_str)];
    let says = |word: &&str| words.contains(&Some(word));
    if TOO_MUCH.iter().any(says) {
        429
    } else if says(&"invalid_request_error") {
        400
    } else {
        500
    }
}

/// `retry-after-ms`, else `retry-after` in seconds or as a date, which counts from the answer's own
/// `date`. A wait of 0 says nothing.
fn wait_asked(headers: &HeaderMap) -> Option<Duration> {
    let number = |name| text(headers, name)?.parse::<f64>().ok();
    let ms = number("retry-after-ms")
        .or_else(|| number("retry-after").map(|seconds| seconds * 1000.0))
        .or_else(|| {
            let until = date(text(headers, "retry-after")?)?;
            let now = date(text(headers, "date")?)?;
            Some(until.duration_since(now).as_secs_f64() * 1000.0)
        })?;
    let wait = Duration::try_from_secs_f64(ms / 1000.0).ok()?;
    (!wait.is_zero()).then_some(wait)
}

fn date(text: &str) -> Option<jiff::Timestamp> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    parser.parse_timestamp(text).ok()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// The text if it is a word of an API and no longer than this; anything else may be content.
pub(super) fn identifier(text: &str, longest: usize) -> Option<&str> {
    let fits = !text.is_empty()
        && text.len() <= longest
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte));
    fits.then_some(text)
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;
    use crate::processor::openai::error::Meaning;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    fn read(status: Option<u16>, body: &str) -> ApiError {
        let redactor = Redactor::new(r#"{"prompt":"xyzzy"}"#, None);
        refusal(
            "POST /x",
            status,
            &HeaderMap::new(),
            body.as_bytes(),
            &redactor,
        )
    }

    #[test]
    fn the_shapes_of_the_api_and_of_its_imitators_are_read() {
        for (body, text) in [
            (
                r#"{"error":{"message":"No xyzzy.","type":"t","param":null,"code":"c"}}"#,
                "POST /x answered 400 (c): No [redacted].",
            ),
            (r#"{"error":"No."}"#, "POST /x answered 400: No."),
            (
                r#"{"object":"error","message":"No.","type":"BadRequest","code":400}"#,
                "POST /x answered 400 (BadRequest): No.",
            ),
            (r#"{"detail":"No."}"#, "POST /x answered 400: No."),
            (
                r#"{"detail":[{"input":"xyzzy"}]}"#,
                "POST /x answered 400: no message that can be read",
            ),
            (
                "<html>xyzzy</html>",
                "POST /x answered 400: no message that can be read",
            ),
        ] {
            assert_eq!(read(Some(400), body).to_string(), text);
        }
        assert_eq!(
            read(Some(307), "").to_string(),
            "POST /x answered 307: a redirect, which is not followed; \
             set `OPENAI_BASE_URL` to the final address"
        );
    }

    #[test]
    fn errors_in_a_stream_mean_what_they_mean_as_answers() {
        for (error, meaning) in [
            (r#"{"type":"server_error"}"#, Meaning::Passing(None)),
            (r#"{"type":"invalid_request_error"}"#, Meaning::ForGood),
            (
                r#"{"code":"rate_limit_exceeded"}"#,
                Meaning::RateLimited(None),
            ),
            (r#"{"type":"insufficient_quota"}"#, Meaning::ForGood),
            (r#"{"code":503}"#, Meaning::Passing(None)),
            (r#"{"code":7}"#, Meaning::Passing(None)),
        ] {
            let body = format!(r#"{{"error":{error}}}"#);
            assert_eq!(read(None, &body).meaning(), meaning, "{error}");
        }
    }

    #[test]
    fn the_wait_is_read_in_ms_in_seconds_and_as_a_date() {
        let wait = |pairs: &[_]| wait_asked(&headers(pairs)).map(|wait| wait.as_millis());
        assert_eq!(
            wait(&[("retry-after-ms", "250"), ("retry-after", "9")]),
            Some(250)
        );
        assert_eq!(wait(&[("retry-after", "1.5")]), Some(1500));
        assert_eq!(
            wait(&[
                ("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT"),
                ("date", "Wed, 21 Oct 2026 07:28:00 GMT"),
            ]),
            Some(30_000)
        );
        for nothing in ["0", "-1", "soon", "NaN", "1e300"] {
            assert_eq!(wait(&[("retry-after", nothing)]), None, "{nothing}");
        }
    }
}
