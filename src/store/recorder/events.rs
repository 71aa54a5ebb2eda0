//! What the timeline says of a job.

use serde_json::{Value, json};

use super::super::NewEvent;
use crate::worker::{RawJob, SettledState};

/// Longest message of an event, in characters; the row has the whole error.
const LONGEST_MESSAGE: usize = 2_000;

/// A job's event that says nothing but its name.
pub(super) fn event(job: &RawJob, content_job_id: Option<String>, name: &str, at: i64) -> NewEvent {
    NewEvent {
        content_job_id,
        queue: job.queue().to_owned(),
        job_id: Some(job.id().to_owned()),
        stream_id: None,
        event: name.to_owned(),
        attempt: Some(job.attempt()),
        message: None,
        data: None,
        at,
    }
}

/// Fills the event of a progress report: the data is the progress, the message its text, where it
/// has one.
pub(super) fn progress(event: NewEvent, progress: &str, at: i64) -> NewEvent {
    let message = match serde_json::from_str(progress) {
        Ok(Value::String(text)) => Some(text),
        Ok(Value::Object(mut fields)) => match fields.remove("message") {
            Some(Value::String(text)) => Some(text),
            _ => None,
        },
        _ => None,
    };
    NewEvent {
        message: message.map(shortened),
        data: Some(progress.to_owned()),
        at,
        ..event
    }
}

pub(super) fn settled(
    job: &RawJob,
    row: Option<String>,
    state: &SettledState,
    at: i64,
) -> NewEvent {
    let next = |delay: u64| {
        let due = at.saturating_add(i64::try_from(delay).unwrap_or(i64::MAX));
        json!({ "delay": delay, "nextAttemptAt": due }).to_string()
    };
    let (name, message, data) = match state {
        SettledState::Completed(_) => ("completed", None, None),
        SettledState::Failed(reason) => ("failed", Some(reason), None),
        SettledState::Retried { reason, delay } => ("retrying", Some(reason), Some(next(*delay))),
        SettledState::Delayed(delay) => ("delayed", None, Some(next(*delay))),
        SettledState::Released => ("released", None, None),
        SettledState::WaitingChildren => ("waiting-children", None, None),
    };
    NewEvent {
        message: message.cloned().map(shortened),
        data,
        ..event(job, row, name, at)
    }
}

fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST_MESSAGE) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Recorder;

    #[test]
    fn a_progress_message_is_its_text() {
        let job = std::sync::Arc::new(Recorder::default()).job("content", "generate", &json!({}));
        for (json, message) in [
            ("\"half way\"", Some("half way")),
            (r#"{"percent":50,"message":"half way"}"#, Some("half way")),
            (r#"{"message":5}"#, None),
            ("50", None),
        ] {
            let event = progress(event(&job, None, "progress", 0), json, 7);
            assert_eq!(event.message.as_deref(), message);
            assert_eq!((event.data.as_deref(), event.at), (Some(json), 7));
        }
    }

    #[test]
    fn a_long_reason_is_shortened_between_characters() {
        let job = std::sync::Arc::new(Recorder::default()).job("content", "generate", &json!({}));
        let state = SettledState::Failed("ü".repeat(3_000));
        let message = settled(&job, None, &state, 7).message.unwrap();
        assert_eq!(message.chars().count(), LONGEST_MESSAGE + 1);
    }
}
