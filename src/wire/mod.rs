//! What lies in Redis: field and key spellings, and how others wrote them. Pure.

mod event;
mod event_id;
mod json;
mod keys;
mod numbers;
mod opts;
mod pack;
mod record;
pub mod score;
mod state;
mod unpack;

pub use event::{Event, EventFault, EventJson};
pub use event_id::EventId;
pub(crate) use json::Json;
pub use keys::QueueKeys;
pub(crate) use numbers::{int_text, saturating_int};
pub use opts::{BackoffOpts, JobOpts, KeepJobs, Limiter, RepeatOpts};
pub(crate) use opts::{number, truthy};
pub(crate) use pack::{Pack, Packed};
pub use record::JobRecord;
pub use state::JobState;
pub(crate) use state::StateKey;
pub(crate) use unpack::Unpack;

use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// Reads JSON as a `T`. The error names the path of the bad field and never quotes content.
///
/// # Errors
/// [`Error::Decode`], with `what`, the path, and where in the text.
pub fn read_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    // Following the path costs twice the reading, so only what fails is read that way.
    if let Ok(value) = serde_json::from_str(text) {
        return Ok(value);
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        let place = if path == "." {
            String::new()
        } else {
            format!("at `{path}`: ")
        };
        Error::Decode {
            what: what.to_owned(),
            reason: format!("{place}{}", without_content(&inner)),
        }
    })?;
    reader.end().map_err(|error| Error::Decode {
        what: what.to_owned(),
        reason: without_content(&error),
    })?;
    Ok(value)
}

/// A JSON error's text without the value it quotes: payloads must not reach a message.
pub(crate) fn without_content(error: &serde_json::Error) -> String {
    let text = error.to_string();
    for kind in ["invalid type", "invalid value", "invalid length"] {
        if let Some(rest) = text.strip_prefix(kind) {
            let expected = rest
                .rsplit_once(", expected ")
                .map_or("something else", |(_, e)| e);
            return format!("{kind}, expected {expected}");
        }
    }
    for kind in ["unknown variant", "unknown field"] {
        if text.starts_with(kind) {
            return format!("{kind} at line {} column {}", error.line(), error.column());
        }
    }
    text
}

/// How scripts are told a value: msgpack. Public so that tests may compare it with what Redis reads.
#[doc(hidden)]
pub fn packed(value: &serde_json::Value) -> Vec<u8> {
    Pack::new().json(value).done()
}
