//! How many jobs may run: per queue, and over all queues of the process.

use std::{cell::Cell, rc::Rc};

use tokio::sync::Notify;

/// The process-wide limit, shared by the fetchers of one engine (single thread, hence `Rc`).
#[derive(Debug, Clone)]
pub(super) struct Slots(Rc<Total>);

#[derive(Debug)]
struct Total {
    limit: usize,
    used: Cell<usize>,
    freed: Notify,
}

impl Slots {
    pub(super) fn new(limit: Option<usize>) -> Self {
        Self(Rc::new(Total {
            limit: limit.unwrap_or(usize::MAX),
            used: Cell::new(0),
            freed: Notify::new(),
        }))
    }

    /// How many more may be taken.
    pub(super) fn free(&self) -> usize {
        self.0.limit.saturating_sub(self.0.used.get())
    }

    /// Whether the limit can ever hold a queue back.
    pub(super) fn is_limited(&self) -> bool {
        self.0.limit != usize::MAX
    }

    pub(super) fn take(&self, count: usize) {
        self.0.used.set(self.0.used.get() + count);
    }

    /// Gives back; wakes the fetchers that may be waiting for a slot.
    pub(super) fn give(&self, count: usize) {
        if count == 0 {
            return;
        }
        self.0.used.set(self.0.used.get().saturating_sub(count));
        if self.is_limited() {
            self.0.freed.notify_waiters();
        }
    }

    /// Waits until somebody gives a slot back.
    pub(super) async fn freed(&self) {
        self.0.freed.notified().await;
    }
}
