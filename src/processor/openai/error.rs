//! What can go wrong with a call, and what that means for the job.

use std::time::Duration;

use serde_json::value::RawValue;

use super::report;
use crate::{
    BoxError, Failure,
    worker::{CancelReason, Outcome, RawJob},
};

/// Longest wait that a server may ask for; then it is asked again.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// What an API, or the way to it, answered instead of what was asked for. Holds no key and nothing
/// of the job's input.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The API said no.
    #[error("{call} {verb} {status}{}: {message}{}", in_brackets(code.as_deref()), request_id.as_ref().map(|id| format!(" (request {id})")).unwrap_or_default())]
    Refused {
        /// Method and path.
        call: &'static str,
        /// `answered`, or `broke off with` when the answer had begun; its status is then what the
        /// same error has outside of a stream.
        verb: &'static str,
        /// HTTP status.
        status: u16,
        /// The API's code or type.
        code: Option<String>,
        /// The API's message.
        message: String,
        /// The API's id of the request.
        request_id: Option<String>,
        /// How long the API asks to wait.
        retry_after: Option<Duration>,
    },
    /// The answer is none to the question.
    #[error("{call} answered what cannot be read: {reason}")]
    Unreadable {
        /// Method and path.
        call: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The answer ended before it was complete.
    #[error("{call} broke off before its end: {reason}")]
    Cut {
        /// Method and path.
        call: &'static str,
        /// How far it came.
        reason: String,
    },
    /// Nothing came for too long.
    #[error("{call} was silent for {} s", after.as_secs_f64())]
    Silent {
        /// Method and path.
        call: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// No connection, or it broke before an answer.
    #[error("cannot reach {host}: {reason} (in {call})")]
    Unreachable {
        /// Method and path.
        call: &'static str,
        /// Host and port.
        host: String,
        /// Why.
        reason: String,
    },
}

/// What an error means for the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Too many requests: later, without using an attempt.
    RateLimited(Option<Duration>),
    /// The same call fails again whenever it is made.
    ForGood,
    /// May work at the next attempt; the server may have said when.
    Passing(Option<Duration>),
}

impl ApiError {
    pub(super) fn meaning(&self) -> Meaning {
        let Self::Refused {
            status,
            code,
            retry_after,
            ..
        } = self
        else {
            return Meaning::Passing(None);
        };
        let wait = retry_after.map(|wait| wait.min(LONGEST_WAIT));
        match (*status, code.as_deref()) {
            // Money is missing, not time.
            (429, Some("insufficient_quota" | "billing_hard_limit_reached")) => Meaning::ForGood,
            (429, _) => Meaning::RateLimited(wait),
            (408 | 409 | 500.., _) => Meaning::Passing(wait),
            _ => Meaning::ForGood,
        }
    }

    pub(super) fn is_status(&self, wanted: u16) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == wanted)
    }
}

fn in_brackets(code: Option<&str>) -> String {
    code.map(|code| format!(" ({code})")).unwrap_or_default()
}

/// Why a built-in stopped without a result.
#[derive(Debug)]
pub(super) enum Halt {
    Api(Box<ApiError>),
    Cancelled(CancelReason),
    /// Fails the job, whatever its attempts say.
    ForGood(BoxError),
    /// Fails the attempt.
    Attempt(BoxError),
}

impl Halt {
    pub(super) fn for_good(cause: impl Into<BoxError>) -> Self {
        Self::ForGood(cause.into())
    }

    pub(super) fn attempt(cause: impl Into<BoxError>) -> Self {
        Self::Attempt(cause.into())
    }
}

impl From<ApiError> for Halt {
    fn from(error: ApiError) -> Self {
        Self::Api(Box::new(error))
    }
}

impl From<serde_json::Error> for Halt {
    fn from(error: serde_json::Error) -> Self {
        Self::attempt(error)
    }
}

/// Turns what a built-in got into what the worker is told.
pub(super) async fn settle(
    job: &RawJob,
    result: Result<Box<RawValue>, Halt>,
) -> Result<Outcome, BoxError> {
    let error = match result {
        Ok(value) => return Ok(Outcome::Done(value)),
        Err(Halt::Api(error)) => error,
        Err(Halt::Cancelled(reason)) => return Err(reason.into()),
        Err(Halt::ForGood(cause)) => return Err(Failure::unrecoverable(cause).into()),
        Err(Halt::Attempt(cause)) => return Err(cause),
    };
    match error.meaning() {
        Meaning::RateLimited(asked) => {
            let wait = asked.unwrap_or_else(|| growing_wait(job));
            report::log(job, format!("{error}; waits {} ms", wait.as_millis())).await;
            Ok(Outcome::Delay(wait))
        }
        Meaning::ForGood => Err(Failure::unrecoverable(error).into()),
        Meaning::Passing(Some(wait)) => Err(Failure::retry_after(wait, error).into()),
        Meaning::Passing(None) => Err(error.into()),
    }
}

/// How long a rate limited job waits when the API does not say: 1 s, doubled for each start that
/// used no attempt, at most 60 s; and up to a quarter more, by the job's id, so that jobs that were
/// refused together do not come back together.
pub(super) fn growing_wait(job: &RawJob) -> Duration {
    let record = job.record();
    let free_starts = record
        .attempts_started
        .saturating_sub(1)
        .saturating_sub(record.attempts_made);
    let base = 1000_u64.saturating_mul(1 << free_starts.min(6)).min(60_000);
    let spread: u64 = job
        .id()
        .bytes()
        .fold(7, |hash, byte| (hash * 31 + u64::from(byte)) % 1009);
    Duration::from_millis(base + base / 4 * spread / 1009)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str, retry_after: Option<u64>) -> ApiError {
        ApiError::Refused {
            call: "POST /chat/completions",
            verb: "answered",
            status,
            code: Some(code.into()),
            message: "no".into(),
            request_id: Some("req_1".into()),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn each_status_has_its_meaning() {
        let meaning = |status, code| refused(status, code, None).meaning();
        for status in [400, 401, 402, 403, 404, 413, 422] {
            assert_eq!(meaning(status, "x"), Meaning::ForGood, "{status}");
        }
        for status in [408, 409, 500, 502, 503, 529] {
            assert_eq!(meaning(status, "x"), Meaning::Passing(None), "{status}");
        }
        assert_eq!(
            meaning(429, "rate_limit_exceeded"),
            Meaning::RateLimited(None)
        );
        assert_eq!(meaning(429, "insufficient_quota"), Meaning::ForGood);
        assert_eq!(
            refused(503, "overloaded", Some(3)).meaning(),
            Meaning::Passing(Some(Duration::from_secs(3)))
        );
        assert_eq!(
            refused(429, "x", Some(86_400)).meaning(),
            Meaning::RateLimited(Some(LONGEST_WAIT))
        );
    }

    #[test]
    fn an_error_says_call_status_code_message_and_request() {
        assert_eq!(
            refused(404, "model_not_found", None).to_string(),
            "POST /chat/completions answered 404 (model_not_found): no (request req_1)"
        );
    }

    #[test]
    fn the_default_wait_grows_with_each_free_start_and_is_bounded() {
        let wait = |started: &str, made: &str, id: &str| {
            let record = crate::wire::JobRecord::read(
                id,
                [
                    ("name", "x"),
                    ("data", "{}"),
                    ("ats", started),
                    ("atm", made),
                ],
            );
            let port = std::sync::Arc::new(crate::testing::Recorder::default());
            let job = RawJob::new("content".into(), record, "t".into(), port, None);
            u64::try_from(growing_wait(&job).as_millis()).unwrap()
        };
        let waits = [
            wait("1", "0", "1"),
            wait("2", "0", "1"),
            wait("5", "0", "1"),
        ];
        for (wait, base) in waits.into_iter().zip([1000, 2000, 16_000]) {
            assert!((base..base + base / 4).contains(&wait), "{wait} for {base}");
        }
        assert_eq!(wait("3", "2", "1"), waits[0]);
        assert_ne!(wait("1", "0", "1"), wait("1", "0", "2"));
        assert!(wait("4000000000", "0", "z") <= 75_000);
    }
}
