//! Reads batches of events over a connection of its own.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{Entry, Position, Received};
use crate::{
    Result,
    conn::{Blocking, Conn},
    script::call::{self, EventBatch},
    wire::{Event, EventId, QueueKeys},
};

/// How long one call waits for an event.
const BLOCK: Duration = Duration::from_secs(10);
/// About how many bytes of events to have read ahead.
const BUDGET: usize = 1 << 20;
/// Pauses before an absent Redis is asked again.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_millis(1600);

/// Where a stream stands, and its connection. Dropping it closes the connection at once, whatever
/// it waits for.
pub(super) struct Reader {
    conn: Conn,
    keys: QueueKeys,
    blocking: Option<Blocking>,
    /// The last event that was read.
    last: EventId,
    /// How many events to ask for next.
    count: usize,
    batch: usize,
    /// How long to wait before the next try; none while all is well.
    pause: Option<Duration>,
}

impl Reader {
    pub(super) async fn open(
        conn: Conn,
        keys: QueueKeys,
        position: Position,
        batch: usize,
    ) -> Result<Self> {
        let blocking = conn.blocking(keys.events_client_name()).await?;
        let last = match position {
            Position::Now => call::last_event_id(&conn, &keys).await?,
            Position::Start => EventId::START,
            Position::After(id) => id,
        };
        Ok(Self {
            conn,
            keys,
            blocking: Some(blocking),
            last,
            count: batch.min(10),
            batch,
            pause: None,
        })
    }

    /// The last event that was read, or the position that reading began at.
    pub(super) fn last(&self) -> EventId {
        self.last
    }

    /// Puts what comes next, as soon as there is something, into `into`.
    ///
    /// # Errors
    /// When Redis refuses for good, because of rights or a key of another type.
    pub(super) async fn read(&mut self, into: &mut VecDeque<Received>) -> Result<()> {
        while into.is_empty() {
            if let Some(pause) = self.pause {
                tokio::time::sleep_until((Instant::now() + pause).into()).await;
            }
            match self.batch().await {
                Ok(batch) => {
                    if self.pause.take().is_some() {
                        into.push_back(Received::Resumed(self.last));
                    }
                    self.take(batch, into);
                }
                Err(error) if error.is_transient() => {
                    self.blocking = None;
                    if self.pause.is_none() {
                        into.push_back(Received::Interrupted(error.to_string()));
                    }
                    let next = self.pause.map_or(FIRST_PAUSE, |pause| pause * 2);
                    self.pause = Some(next.min(LONGEST_PAUSE));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn batch(&mut self) -> Result<EventBatch> {
        let blocking = match &mut self.blocking {
            Some(blocking) => blocking,
            none => {
                let name = self.keys.events_client_name();
                none.insert(self.conn.blocking(name).await?)
            }
        };
        // First what is there already, because only that read sees gaps.
        let (last, count) = (self.last, self.count);
        let batch = call::read_events(&self.conn, blocking, &self.keys, last, count).await?;
        // After an outage it is told at once that Redis is back, not with the next event.
        if !batch.events.is_empty() || self.pause.is_some() {
            return Ok(batch);
        }
        call::wait_for_events(blocking, &self.keys, last, count, BLOCK).await
    }

    fn take(&mut self, batch: EventBatch, into: &mut VecDeque<Received>) {
        let mut largest = 0;
        if let Some(first) = batch.events.first()
            && batch.gap
            && self.last != EventId::START
        {
            into.push_back(Received::Gap {
                after: self.last,
                before: first.id,
            });
        }
        for raw in batch.events {
            largest = largest.max(raw.fields.iter().map(String::len).sum());
            self.last = raw.id;
            let pairs = raw.fields.chunks_exact(2).filter_map(|pair| match pair {
                [field, value] => Some((field.as_str(), value.as_str())),
                _ => None,
            });
            let (event, fault) = Event::read_checked(pairs);
            let entry = Entry { id: raw.id, event };
            into.push_back(match fault {
                Some(fault) => Received::Malformed { entry, fault },
                None => Received::Event(entry),
            });
        }
        self.count = next_count(self.count, largest, self.batch);
    }
}

/// How many events to ask for next, when the largest of the last read had so many bytes.
fn next_count(count: usize, largest: usize, batch: usize) -> usize {
    let affordable = BUDGET.checked_div(largest).unwrap_or(batch).max(1);
    // Grows by steps, so that large events after small ones are not read by the hundred.
    affordable.min(count.saturating_mul(2)).min(batch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_events_are_read_in_small_numbers() {
        assert_eq!(next_count(10, 100, 100), 20);
        assert_eq!(next_count(80, 100, 100), 100);
        assert_eq!(next_count(100, 0, 100), 100);
        assert_eq!(next_count(100, BUDGET / 4, 100), 4);
        assert_eq!(next_count(4, BUDGET * 9, 100), 1);
        assert_eq!(next_count(1, 100, 1), 1);
    }
}
