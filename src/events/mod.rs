//! The events of a queue as a stream, from any position, over outages (WIRE §3).

mod fields;
mod hub;
mod publish;
mod reader;
mod stream;

pub(crate) use hub::{Hubs, News, Waiting};
pub use publish::PublishEvent;
pub use stream::EventStream;

use std::fmt;

use crate::{
    Error, Result,
    conn::Conn,
    wire::{Event, EventFault, EventId, QueueKeys},
};
use reader::Reader;

/// Most events to read in one call unless [`QueueEvents::batch`] says otherwise.
const BATCH: usize = 100;

/// Where in a queue's events to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Position {
    /// After everything there is when the stream is opened.
    #[default]
    Now,
    /// With the oldest event that is still there.
    Start,
    /// After this one, which was read before.
    After(EventId),
}

/// A queue's events, before they are read.
///
/// ```no_run
/// # async fn example(client: bullrs::Client) -> bullrs::Result<()> {
/// use bullrs::events::{Position, Received};
///
/// let mut events = client.events("images").from(Position::Now).open().await?;
/// while let Some(received) = events.next().await {
///     match received? {
///         Received::Event(entry) => println!("{} {}", entry.id, entry.event.name()),
///         Received::Gap { after, before } => println!("missed some of {after}..{before}"),
///         other => println!("{other}"),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is read before `open`"]
pub struct QueueEvents {
    conn: Conn,
    keys: Result<QueueKeys, String>,
    position: Position,
    batch: usize,
}

impl QueueEvents {
    pub(crate) fn new(conn: Conn, prefix: &str, queue: &str) -> Self {
        Self {
            conn,
            keys: QueueKeys::new(prefix, queue).map_err(|error| error.to_string()),
            position: Position::Now,
            batch: BATCH,
        }
    }

    /// Where to begin. [`Position::Now`] by default.
    pub fn from(mut self, position: Position) -> Self {
        self.position = position;
        self
    }

    /// Most events to read, and so to hold in memory, at once; 100 by default, at least 1.
    ///
    /// While events are large, fewer are read: about 1 MiB, by the size of recent ones. With 1,
    /// memory never holds more than one event.
    pub fn batch(mut self, batch: usize) -> Self {
        self.batch = batch.max(1);
        self
    }

    /// Connects and finds the position; what happens from then on is in the stream.
    ///
    /// The connection is the stream's own. `queue.getQueueEvents()` of stock sees it.
    ///
    /// # Errors
    /// When the queue's name is not allowed or Redis cannot be reached.
    pub async fn open(self) -> Result<EventStream> {
        let keys = self.keys.map_err(|fault| Error::Options(vec![fault]))?;
        let reader = Reader::open(self.conn, keys, self.position, self.batch).await?;
        Ok(EventStream::new(reader))
    }
}

/// An event and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id, by which reading may be resumed.
    pub id: EventId,
    /// What happened.
    pub event: Event,
}

/// What an [`EventStream`] gives; it goes on after each of these.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Received {
    /// Something happened. Names that this version does not know are [`Event::Other`].
    Event(Entry),
    /// An entry lacks what its name asks for, or has it in another form; it is read as far as it
    /// goes.
    Malformed {
        /// The entry.
        entry: Entry,
        /// Which field, and what is wrong with it.
        fault: EventFault,
    },
    /// No event up to the last one read stands in Redis any more: those between may be missing,
    /// because the reader was slower than the queue trims or the stream was deleted.
    Gap {
        /// The last event before the gap.
        after: EventId,
        /// The first one behind it.
        before: EventId,
    },
    /// Redis cannot be reached. The stream tries again by itself, and misses nothing that Redis
    /// keeps.
    Interrupted(
        /// Why.
        String,
    ),
    /// Redis is there again, and reading goes on after this event.
    Resumed(
        /// The last event that was read.
        EventId,
    ),
}

impl Received {
    /// The entry, if this is one.
    pub fn into_entry(self) -> Option<Entry> {
        match self {
            Self::Event(entry) | Self::Malformed { entry, .. } => Some(entry),
            Self::Gap { .. } | Self::Interrupted(_) | Self::Resumed(_) => None,
        }
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(entry) => write!(f, "event `{}` at {}", entry.event.name(), entry.id),
            Self::Malformed { entry, fault } => {
                let (id, name) = (entry.id, entry.event.name());
                write!(f, "malformed event `{name}` at {id}: {fault}")
            }
            Self::Gap { after, before } => {
                write!(f, "events between {after} and {before} may be missing")
            }
            Self::Interrupted(why) => write!(f, "interrupted: {why}"),
            Self::Resumed(after) => write!(f, "resumed after {after}"),
        }
    }
}
