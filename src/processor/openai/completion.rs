//! One chat completion, streamed: its answer put together, its progress reported on the way.

use std::time::Duration;

use reqwest::{Response, header::CONTENT_TYPE};
use serde::Serialize;
use tokio::time::Instant;

use super::{
    ApiError,
    assembly::{Assembly, Chunk, Completion},
    client::{Call, Session},
    error::Halt,
    object::Object,
    report,
    stream::{BadEvent, EventParser},
};
use crate::worker::RawJob;

/// Time between two progress reports.
const PACE: Duration = Duration::from_millis(250);
/// The same after Redis did not take one.
const PACE_IN_AN_OUTAGE: Duration = Duration::from_secs(5);

const CALL: &str = "POST /chat/completions";

/// Makes the call and waits for its end. `max_tokens` is what the request allows, if it says.
pub(super) async fn complete(
    session: &Session<'_>,
    job: &RawJob,
    request: &Object,
    max_tokens: Option<f64>,
) -> Result<Completion, Halt> {
    let call = Call::post(CALL, &["chat", "completions"]);
    let mut response = session.stream(&call, request).await?;
    let mut assembly = Assembly::default();
    if is_json(&response) {
        // A server without streaming answers in one piece.
        let body = session.whole(CALL, &mut response).await?;
        take(session, &response, &mut assembly, &body)?;
        assembly.end();
    } else {
        let mut progress = Progress::new(max_tokens);
        let mut events = EventParser::default();
        while !assembly.has_ended() {
            let Some(bytes) = session.chunk(CALL, &mut response).await? else {
                if let Some(event) = events.finish().map_err(unreadable)? {
                    take(session, &response, &mut assembly, event.as_bytes())?;
                }
                break;
            };
            for event in events.push(&bytes).map_err(unreadable)? {
                take(session, &response, &mut assembly, event.as_bytes())?;
            }
            progress.report(job, &assembly).await;
        }
        progress.report_end(job, &assembly).await;
    }
    let completion = assembly.finish(CALL)?;
    report::log(job, completion.to_string()).await;
    Ok(completion)
}

fn is_json(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/json"))
}

/// Adds the data of one event to the answer.
fn take(
    session: &Session<'_>,
    response: &Response,
    assembly: &mut Assembly,
    data: &[u8],
) -> Result<(), ApiError> {
    if data == b"[DONE]" {
        assembly.end();
        return Ok(());
    }
    let chunk: Chunk = session.parse(CALL, data)?;
    if chunk.is_error() {
        return Err(session.refusal(CALL, None, response.headers(), data));
    }
    assembly
        .add(chunk)
        .map_err(|reason| ApiError::Unreadable { call: CALL, reason })
}

fn unreadable(BadEvent(reason): BadEvent) -> ApiError {
    ApiError::Unreadable {
        call: CALL,
        reason: reason.into(),
    }
}

/// Reports how far the answer is, never what it says.
struct Progress {
    max_tokens: Option<f64>,
    next: Instant,
    last: Option<u64>,
}

/// Progress of an answer whose length nobody knows.
#[derive(Serialize)]
struct Tokens {
    tokens: u64,
    characters: u64,
}

impl Progress {
    fn new(max_tokens: Option<f64>) -> Self {
        Self {
            max_tokens: max_tokens.filter(|max| *max >= 1.0),
            next: Instant::now(),
            last: None,
        }
    }

    async fn report(&mut self, job: &RawJob, assembly: &Assembly) {
        if assembly.pieces() == 0 || Instant::now() < self.next {
            return;
        }
        let percent = self.max_tokens.map(|max| percent(assembly.pieces(), max));
        if percent.is_some() && percent == self.last {
            return;
        }
        self.last = percent;
        let arrived = self.write(job, assembly, percent).await;
        self.next = Instant::now() + if arrived { PACE } else { PACE_IN_AN_OUTAGE };
    }

    async fn report_end(&mut self, job: &RawJob, assembly: &Assembly) {
        if assembly.is_complete() {
            let percent = self.max_tokens.map(|_| 100);
            self.write(job, assembly, percent).await;
        }
    }

    async fn write(&self, job: &RawJob, assembly: &Assembly, percent: Option<u64>) -> bool {
        if let Some(percent) = percent {
            return report::progress(job, &percent).await;
        }
        let so_far = Tokens {
            tokens: assembly.tokens(),
            characters: assembly.characters(),
        };
        report::progress(job, &so_far).await
    }
}

/// The share of the tokens allowed, below 100 as the end is not known to be near.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the result is clamped to 0..=99"
)]
fn percent(tokens: u64, max: f64) -> u64 {
    (tokens as f64 * 100.0 / max).clamp(0.0, 99.0) as u64
}
