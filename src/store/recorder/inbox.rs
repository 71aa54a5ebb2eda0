//! What waits for the database: bounded for those who may wait, never for an outcome.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, oneshot},
    time::{Instant, timeout, timeout_at},
};

use super::{
    super::{Change, NewEvent, Result, Run, Started},
    JobRecorderOptions, events,
};
use crate::worker::RawJob;

/// Most writes of one transaction.
const MOST_AT_ONCE: usize = 500;
/// Most bytes of one transaction, unless one write alone has more.
const MOST_BYTES_AT_ONCE: usize = 8 << 20;
/// What a write weighs beside its texts.
const OVERHEAD: usize = 512;
/// A job that reported no progress for this long is forgotten; it may have ended unseen.
const FORGET_AFTER: Duration = Duration::from_mins(1);
/// The longest pause between two tries while someone waits for everything to be written.
const HURRIED_PAUSE: Duration = Duration::from_millis(250);

/// One thing to write: a change of a row, an event, or both together.
pub(super) struct Write {
    pub(super) change: Option<Change>,
    pub(super) event: Option<NewEvent>,
    /// Who waits for what a start finds; nobody any more once it is closed.
    pub(super) reply: Option<oneshot::Sender<Result<Started>>>,
}

impl Write {
    pub(super) fn event(event: NewEvent) -> Self {
        Self {
            change: None,
            event: Some(event),
            reply: None,
        }
    }

    /// Whether the job that asked has stopped waiting, so that the write must not be made.
    pub(super) fn is_withdrawn(&self) -> bool {
        self.reply.as_ref().is_some_and(oneshot::Sender::is_closed)
    }

    fn weight(&self) -> usize {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let change = match &self.change {
            Some(Change::Progress { progress, .. }) => progress.len(),
            Some(Change::Settle(settlement)) => {
                length(&settlement.result)
                    + length(&settlement.error)
                    + length(&settlement.progress)
            }
            Some(Change::Start { .. }) | None => 0,
        };
        let event = self
            .event
            .as_ref()
            .map_or(0, |event| length(&event.message) + length(&event.data));
        OVERHEAD + change + event
    }
}

/// A progress report that was not written.
pub(super) struct Report {
    pub(super) json: String,
    pub(super) at: i64,
}

/// One job's latest progress.
struct Progress {
    run: Option<Run>,
    /// The event to fill. Not the job itself: that would keep its observer, and so us, alive.
    event: NewEvent,
    latest: Option<Report>,
    /// When the next write may be.
    due: Instant,
}

pub(super) struct Inbox {
    state: Mutex<State>,
    /// Wakes the writer.
    wake: Notify,
    /// Wakes the writer out of its pause after a failure.
    urgent: Notify,
    /// Tells that something was written.
    written: Notify,
    events: bool,
    most_waiting: usize,
    most_waiting_bytes: usize,
    progress_every: Duration,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Write>,
    /// Writes that the writer took and has not made yet.
    in_hand: usize,
    bytes: usize,
    /// By queue and job id.
    progress: HashMap<(String, String), Progress>,
    flushing: usize,
    closed: bool,
    last_error: Option<String>,
    refused: u64,
}

/// What the writer is to do next.
pub(super) enum Next {
    Write(Batch),
    /// Nothing for a while: see whether the database is still there.
    Ask,
    End,
}

/// Writes that go into one transaction.
pub(super) struct Batch {
    pub(super) writes: Vec<Write>,
    count: usize,
    bytes: usize,
}

impl Inbox {
    pub(super) fn new(options: &JobRecorderOptions) -> Self {
        Self {
            state: Mutex::default(),
            wake: Notify::new(),
            urgent: Notify::new(),
            written: Notify::new(),
            events: options.events,
            most_waiting: options.most_waiting,
            most_waiting_bytes: options.most_waiting_bytes,
            progress_every: options.progress_every,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room for another job.
    pub(super) async fn room(&self) {
        self.wait_until(|state| self.has_room(state)).await;
    }

    fn has_room(&self, state: &State) -> bool {
        state.waiting.len() + state.in_hand < self.most_waiting
            && state.bytes < self.most_waiting_bytes
    }

    /// Adds a write. Never refuses: an outcome must not be lost, and whoever can wait has waited
    /// for [`room`](Self::room).
    pub(super) fn put(&self, write: Write) {
        let mut state = self.state();
        state.bytes += write.weight();
        state.waiting.push_back(write);
        drop(state);
        self.wake.notify_one();
    }

    /// Replaces what a job reported before and was not written yet.
    pub(super) fn put_progress(
        &self,
        job: &RawJob,
        json: &str,
        at: i64,
        begin: impl FnOnce() -> (Option<Run>, NewEvent),
    ) {
        let report = Report {
            json: json.to_owned(),
            at,
        };
        let mut state = self.state();
        let progress = state.progress.entry(key(job)).or_insert_with(|| {
            let (run, event) = begin();
            Progress {
                run,
                event,
                latest: None,
                due: Instant::now(),
            }
        });
        progress.latest = Some(report);
        drop(state);
        self.wake.notify_one();
    }

    /// Takes what a job reported last and was not written yet, and forgets the job.
    pub(super) fn take_progress(&self, job: &RawJob) -> Option<Report> {
        let progress = self.state().progress.remove(&key(job))?;
        progress.latest
    }

    /// Forgets what an earlier run of the job reported.
    pub(super) fn forget_progress(&self, job: &RawJob) {
        self.state().progress.remove(&key(job));
        self.written.notify_waiters();
    }

    /// Waits for something to write, at most `patience`.
    pub(super) async fn next(&self, patience: Duration) -> Next {
        let until = Instant::now() + patience;
        loop {
            let due = {
                let mut state = self.state();
                let due = self.move_progress(&mut state);
                if let Some(batch) = take(&mut state) {
                    return Next::Write(batch);
                }
                if state.closed {
                    return Next::End;
                }
                due
            };
            let wake_at = due.map_or(until, |due| due.min(until));
            let woken = timeout_at(wake_at, self.wake.notified()).await.is_ok();
            if !woken && Instant::now() >= until {
                return Next::Ask;
            }
        }
    }

    /// Turns progress whose time has come into writes; says when the next one's will.
    fn move_progress(&self, state: &mut State) -> Option<Instant> {
        let now = Instant::now();
        let at_once = state.flushing > 0 || state.closed;
        let mut writes = Vec::new();
        let mut next = None;
        state.progress.retain(|_, progress| {
            if progress.latest.is_some() && !at_once && progress.due > now {
                next = Some(next.map_or(progress.due, |next: Instant| next.min(progress.due)));
                return true;
            }
            let Some(report) = progress.latest.take() else {
                return now < progress.due + FORGET_AFTER;
            };
            progress.due = now + self.progress_every;
            let event = self
                .events
                .then(|| events::progress(progress.event.clone(), &report.json, report.at));
            let change = progress.run.clone().map(|run| Change::Progress {
                run,
                progress: report.json,
                at: report.at,
            });
            if change.is_some() || event.is_some() {
                writes.push(Write {
                    change,
                    event,
                    reply: None,
                });
            }
            true
        });
        for write in writes {
            state.bytes += write.weight();
            state.waiting.push_back(write);
        }
        next
    }

    /// A batch was written, or given up.
    pub(super) fn done(&self, batch: &Batch) {
        let mut state = self.state();
        state.in_hand = state.in_hand.saturating_sub(batch.count);
        state.bytes = state.bytes.saturating_sub(batch.bytes);
        drop(state);
        self.written.notify_waiters();
    }

    /// The database answered.
    pub(super) fn answered(&self) {
        self.state().last_error = None;
    }

    /// The database failed. `false` when the writer should give up because the recorder is gone.
    pub(super) fn failed(&self, error: &str) -> bool {
        let mut state = self.state();
        state.last_error = Some(error.to_owned());
        !state.closed
    }

    /// The database refused a write for its values.
    pub(super) fn count_refused(&self) {
        self.state().refused += 1;
    }

    /// Waits before the next try, or until someone is in a hurry.
    pub(super) async fn pause(&self, how_long: Duration) {
        let how_long = if self.state().flushing > 0 {
            how_long.min(HURRIED_PAUSE)
        } else {
            how_long
        };
        let _hurried = timeout(how_long, self.urgent.notified()).await;
    }

    pub(super) async fn flush(&self, within: Duration) -> usize {
        let _flushing = Flushing::begin(self);
        self.wake.notify_one();
        self.urgent.notify_waiters();
        let empty = self.wait_until(|state| waiting(state) == 0);
        let _late = timeout(within, empty).await;
        self.waiting()
    }

    async fn wait_until(&self, holds: impl Fn(&State) -> bool) {
        loop {
            let mut written = std::pin::pin!(self.written.notified());
            // Listens before looking, so that nothing falls in between.
            written.as_mut().enable();
            if holds(&self.state()) {
                return;
            }
            written.await;
        }
    }

    pub(super) fn waiting(&self) -> usize {
        waiting(&self.state())
    }

    pub(super) fn is_healthy(&self) -> bool {
        let state = self.state();
        state.last_error.is_none() && self.has_room(&state)
    }

    pub(super) fn last_error(&self) -> Option<String> {
        self.state().last_error.clone()
    }

    pub(super) fn refused(&self) -> u64 {
        self.state().refused
    }

    pub(super) fn close(&self) {
        self.state().closed = true;
        self.wake.notify_one();
        self.urgent.notify_waiters();
    }
}

/// While this lives, progress is written at once.
struct Flushing<'a>(&'a Inbox);

impl<'a> Flushing<'a> {
    fn begin(inbox: &'a Inbox) -> Self {
        inbox.state().flushing += 1;
        Self(inbox)
    }
}

impl Drop for Flushing<'_> {
    fn drop(&mut self) {
        self.0.state().flushing -= 1;
    }
}

fn key(job: &RawJob) -> (String, String) {
    (job.queue().to_owned(), job.id().to_owned())
}

fn waiting(state: &State) -> usize {
    let progress = state.progress.values();
    let reports = progress.filter(|progress| progress.latest.is_some());
    state.waiting.len() + state.in_hand + reports.count()
}

fn take(state: &mut State) -> Option<Batch> {
    let mut batch = Batch {
        writes: Vec::new(),
        count: 0,
        bytes: 0,
    };
    while batch.count < MOST_AT_ONCE {
        let Some(write) = state.waiting.pop_front() else {
            break;
        };
        let weight = write.weight();
        if batch.count > 0 && batch.bytes + weight > MOST_BYTES_AT_ONCE {
            state.waiting.push_front(write);
            break;
        }
        batch.count += 1;
        batch.bytes += weight;
        batch.writes.push(write);
    }
    state.in_hand += batch.count;
    (batch.count > 0).then_some(batch)
}
