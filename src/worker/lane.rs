//! What the roles of one queue share, on the engine's single thread.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::AbortHandle;

use super::{
    CancelReason,
    control::Shared,
    executor::{Execution, Held},
    outbox::Outgoing,
};
use crate::{conn::Conn, script::call::Batch, wire::QueueKeys};

/// One queue of this process.
pub(super) struct Lane {
    pub(super) conn: Conn,
    pub(super) keys: QueueKeys,
    pub(super) queue: Arc<str>,
    pub(super) batch: Batch,
    /// Start of every lock value of this queue's jobs in this process.
    pub(super) lock_base: Arc<str>,
    pub(super) lock_duration: Duration,
    pub(super) execution: Arc<Execution>,
    pub(super) shared: Arc<Shared>,
    /// Names with a limit that can hold a job back, and the limit.
    name_limits: Vec<(Arc<str>, usize)>,
    held: RefCell<HashMap<u64, Entry>>,
}

/// A job we own, from its claim until its outcome is written.
struct Entry {
    held: Arc<Held>,
    handler: Option<AbortHandle>,
    /// When the lock was last known to be extended.
    renewed: Instant,
    /// Whether the handler is through and only the outcome is to be written.
    leaving: bool,
    /// Whether a call that writes the outcome is in flight, which takes the lock with it.
    in_flight: bool,
    lost: bool,
}

/// A lock to extend.
#[derive(Clone)]
pub(super) struct Renewal {
    pub(super) sequence: u64,
    pub(super) id: String,
    pub(super) lock_token: String,
    pub(super) renewed: Instant,
}

impl Lane {
    pub(super) fn new(
        conn: Conn,
        keys: QueueKeys,
        batch: Batch,
        lock_base: Arc<str>,
        lock_duration: Duration,
        execution: Arc<Execution>,
        shared: Arc<Shared>,
    ) -> Rc<Self> {
        let options = &execution.options;
        let limits = options.jobs.iter();
        let name_limits = limits
            .filter_map(|(name, own)| Some((name.as_str().into(), own.concurrency?)))
            .collect();
        Rc::new(Self {
            name_limits,
            conn,
            queue: keys.queue_name(),
            keys,
            batch,
            lock_base,
            lock_duration,
            execution,
            shared,
            held: RefCell::default(),
        })
    }

    pub(super) fn hold(&self, sequence: u64, held: Arc<Held>, handler: AbortHandle) {
        self.shared.remember(&self.queue, &held);
        let renewed = held.since;
        let entry = Entry {
            held,
            handler: Some(handler),
            renewed,
            leaving: false,
            in_flight: false,
            lost: false,
        };
        self.held.borrow_mut().insert(sequence, entry);
    }

    /// Notes that the handler is through; `false` when the job was given up meanwhile.
    pub(super) fn leave(&self, sequence: u64) -> bool {
        self.held
            .borrow_mut()
            .get_mut(&sequence)
            .is_some_and(|entry| {
                entry.handler = None;
                !std::mem::replace(&mut entry.leaving, true)
            })
    }

    /// Notes that a call which writes the job's outcome is in flight, or came back undone.
    pub(super) fn set_in_flight(&self, sequence: u64, in_flight: bool) {
        if let Some(entry) = self.held.borrow_mut().get_mut(&sequence) {
            entry.in_flight = in_flight;
        }
    }

    /// Whether some names of this queue have a limit of their own.
    pub(super) fn has_limited_names(&self) -> bool {
        !self.name_limits.is_empty()
    }

    /// How many more jobs of each limited name may start, once `leaving` are written.
    pub(super) fn room_under_names(&self, leaving: &[Outgoing]) -> Vec<(Arc<str>, usize)> {
        if self.name_limits.is_empty() {
            return Vec::new();
        }
        let leaving: HashSet<u64> = leaving.iter().filter_map(|one| one.sequence).collect();
        let held = self.held.borrow();
        let mut used: HashMap<&str, usize> = HashMap::new();
        for (_, entry) in held.iter().filter(|(at, _)| !leaving.contains(at)) {
            if let Some(name) = entry.held.name.as_deref() {
                *used.entry(name).or_default() += 1;
            }
        }
        self.name_limits
            .iter()
            .map(|(name, limit)| {
                let used = used.get(&**name).copied().unwrap_or(0);
                (Arc::clone(name), limit.saturating_sub(used))
            })
            .collect()
    }

    /// Forgets a job whose outcome is written, or that is not ours any more.
    pub(super) fn forget(&self, sequence: u64) {
        self.held.borrow_mut().remove(&sequence);
    }

    pub(super) fn is_lost(&self, sequence: u64) -> bool {
        self.held
            .borrow()
            .get(&sequence)
            .is_none_or(|entry| entry.lost)
    }

    pub(super) fn count(&self) -> usize {
        self.held.borrow().len()
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.held
            .borrow()
            .values()
            .map(|entry| entry.held.id.clone())
            .collect()
    }

    /// Tells every running handler to stop.
    pub(super) fn cancel_all(&self, reason: &CancelReason) {
        for entry in self.held.borrow().values().filter(|entry| !entry.leaving) {
            entry.held.cancellation.cancel(reason.clone());
        }
    }

    /// Tells the handler of a job to stop; `false` when the job is not here, or on its way out.
    pub(super) fn cancel(&self, id: &str, reason: &str) -> bool {
        let held = self.held.borrow();
        let entry = held.values().find(|entry| entry.held.id == id);
        let Some(entry) = entry.filter(|entry| !entry.leaving) else {
            return entry.is_some();
        };
        if entry.held.cancellation.reason().is_none() {
            let reason = CancelReason::Requested(reason.to_owned());
            entry.held.cancellation.cancel(reason);
        }
        true
    }

    /// Drops every handler that still runs; gives what is needed to hand its job back.
    pub(super) fn drop_running(&self) -> Vec<(u64, Arc<Held>)> {
        self.held
            .borrow_mut()
            .iter_mut()
            .filter(|(_, entry)| !entry.leaving && !entry.lost)
            .map(|(sequence, entry)| {
                entry.leaving = true;
                if let Some(handler) = entry.handler.take() {
                    handler.abort();
                }
                (*sequence, Arc::clone(&entry.held))
            })
            .collect()
    }

    /// The locks that were last extended before `before`.
    pub(super) fn due_for_renewal(&self, before: Instant) -> Vec<Renewal> {
        self.held
            .borrow()
            .iter()
            .filter(|(_, entry)| !entry.lost && !entry.in_flight && entry.renewed <= before)
            .map(|(sequence, entry)| Renewal {
                sequence: *sequence,
                id: entry.held.id.clone(),
                lock_token: entry.held.lock_token.clone(),
                renewed: entry.renewed,
            })
            .collect()
    }

    /// Whether a lock is still to be kept: the job has not left, and is not leaving in this moment.
    pub(super) fn must_keep(&self, sequence: u64) -> bool {
        self.held
            .borrow()
            .get(&sequence)
            .is_some_and(|entry| !entry.lost && !entry.in_flight)
    }

    pub(super) fn renewed(&self, sequence: u64, at: Instant) {
        if let Some(entry) = self.held.borrow_mut().get_mut(&sequence) {
            entry.renewed = at;
        }
    }

    /// Marks a lock as lost and stops its handler; `false` when the job has left anyway.
    pub(super) fn lose(&self, sequence: u64, why: &str) -> bool {
        let mut held = self.held.borrow_mut();
        let Some(entry) = held
            .get_mut(&sequence)
            .filter(|entry| !entry.lost && !entry.in_flight)
        else {
            return false;
        };
        entry.lost = true;
        entry
            .held
            .cancellation
            .cancel(CancelReason::LockLost(why.to_owned()));
        true
    }
}
