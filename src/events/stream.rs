//! The stream that users poll.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::{Stream, future::BoxFuture};
use tracing::warn;

use super::{Entry, Received, reader::Reader};
use crate::{Result, wire::EventId};

/// A queue's events as they happen, in their order, without gaps between reads.
///
/// Reads only when polled, so that Redis keeps what a slow consumer has not asked for (as long as
/// the queue's limit of events allows; what was trimmed is told as [`Received::Gap`]). Survives
/// outages of Redis. An `Err` is the last item: Redis refuses for good.
///
/// Dropping it closes its connection at once.
pub struct EventStream {
    waiting: VecDeque<Received>,
    /// The last event that was given.
    position: EventId,
    state: State,
}

/// What one read gave: the reader back, what came, and how it went.
type Read = (Reader, VecDeque<Received>, Result<()>);

enum State {
    Idle(Box<Reader>),
    Reading(BoxFuture<'static, Read>),
    Ended,
}

impl EventStream {
    pub(super) fn new(reader: Reader) -> Self {
        Self {
            waiting: VecDeque::new(),
            position: reader.last(),
            state: State::Idle(Box::new(reader)),
        }
    }

    /// The next thing that happens; `None` once the stream was stopped or has failed.
    ///
    /// Cancel safe: nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<Received>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// The next event; anything else goes to the log. `None` once the stream was stopped.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// When Redis refuses for good.
    pub async fn next_event(&mut self) -> Result<Option<Entry>> {
        while let Some(received) = self.next().await {
            match received? {
                Received::Event(entry) => return Ok(Some(entry)),
                other => {
                    warn!(target: "bullrs::events", "{other}");
                    if let Some(entry) = other.into_entry() {
                        return Ok(Some(entry));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The id of the last event that was given, to go on with
    /// [`Position::After`](super::Position::After); until there is one, where the stream began.
    pub fn position(&self) -> EventId {
        self.position
    }

    /// Closes the connection at once. What was read ahead is still given, then the stream ends.
    pub fn stop(&mut self) {
        self.state = State::Ended;
    }
}

impl Stream for EventStream {
    type Item = Result<Received>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(received) = this.waiting.pop_front() {
                if let Received::Event(entry) | Received::Malformed { entry, .. } = &received {
                    this.position = entry.id;
                }
                return Poll::Ready(Some(Ok(received)));
            }
            match std::mem::replace(&mut this.state, State::Ended) {
                State::Ended => return Poll::Ready(None),
                State::Idle(reader) => {
                    let room = std::mem::take(&mut this.waiting);
                    this.state = State::Reading(Box::pin(read(*reader, room)));
                }
                State::Reading(mut reading) => {
                    let Poll::Ready((reader, found, outcome)) = reading.as_mut().poll(context)
                    else {
                        this.state = State::Reading(reading);
                        return Poll::Pending;
                    };
                    this.waiting = found;
                    match outcome {
                        Ok(()) => this.state = State::Idle(Box::new(reader)),
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    }
                }
            }
        }
    }
}

async fn read(mut reader: Reader, mut into: VecDeque<Received>) -> Read {
    let outcome = reader.read(&mut into).await;
    (reader, into, outcome)
}

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
