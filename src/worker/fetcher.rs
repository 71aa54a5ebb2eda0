//! The main loop of one queue: finishes jobs and claims new ones in the same calls.
//!
//! Finished jobs queue up while a call is in flight; the next call takes them all and claims as
//! many new ones as there are free slots. Nothing ever waits for a batch to fill.

mod calls;
mod settle;

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, future::LocalBoxFuture, stream::FuturesUnordered};
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
};

use super::{
    control::Phase,
    executor::Executed,
    lane::Lane,
    order::Order,
    outbox::{Outbox, Outgoing},
    slots::Slots,
    waiter::{Interrupt, Waiter, Woken},
};
use crate::{Result, clock, script::call::BatchReply};

/// Longest block while a delayed job is known to be due (WIRE §5.3).
const LONGEST_WAIT_FOR_DUE: Duration = Duration::from_secs(10);

/// How soon to interrupt a wait again that goes on.
const INTERRUPT_AGAIN: Duration = Duration::from_millis(20);
/// How long putting a wake-up back may take; a stopping worker waits for it.
const RESTORE_TIME: Duration = Duration::from_secs(1);
/// What a job is taken to weigh before the first one was seen: were they of 100 kB, fifty of them
/// would keep Redis busy for long.
const UNKNOWN_JOB_SIZE: usize = 64 * 1024;

/// Fetches for one queue and writes what became of its jobs.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is known by itself, and any may change alone"
)]
pub(super) struct Fetcher {
    lane: Rc<Lane>,
    settings: Settings,
    /// Most jobs at once, which may change at any time.
    concurrency: watch::Receiver<usize>,
    slots: Slots,
    order: Order,
    handlers: Handle,
    executed: mpsc::UnboundedReceiver<Executed>,
    executed_to: mpsc::UnboundedSender<Executed>,
    outbox: Outbox,
    calls: FuturesUnordered<LocalBoxFuture<'static, Call>>,
    errands: FuturesUnordered<LocalBoxFuture<'static, Errand>>,
    waiter: Option<Waiter>,
    waiting: Option<LocalBoxFuture<'static, (Waiter, Woken)>>,
    /// What ends the wait in progress.
    interrupt: Interrupt,
    /// Slots of running handlers.
    running: usize,
    /// Slots that calls in flight hold, for what they finish or claim.
    calling: usize,
    /// Slots that errands hold.
    running_errands: usize,
    claims_in_flight: usize,
    sequence: u64,
    /// Nothing was left at the last claim, so the next one waits for a marker.
    drained: bool,
    /// When (unix ms) the next delayed job is due; 0 when none is known.
    next_due: i64,
    limited_until: Option<Instant>,
    retry_at: Option<Instant>,
    failures: u32,
    wake_ups: WakeUps,
    /// The observer knows that nothing was left at the last claim.
    told_drained: bool,
    /// A claim's reply was lost: jobs may be active under our lock without our knowing.
    claims_lost: bool,
    looking_for_claims: bool,
    /// Mean size of a claimed job's hash, which bounds how many are claimed at once.
    job_size: usize,
}

/// What becomes of the markers that were popped.
#[derive(Debug, Default)]
struct WakeUps {
    /// The claim that follows was set off by one.
    woken: bool,
    /// One was put back because it found only jobs whose name had no room.
    passed_on: bool,
    /// How many are being put back.
    restoring: usize,
}

/// What the options say that the loop needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    pub(super) drain_delay: Duration,
    pub(super) maximum_rate_limit_delay: Duration,
    pub(super) burst: bool,
}

/// A call of `finish_and_claim` that came back.
struct Call {
    outgoing: Vec<Outgoing>,
    claim: usize,
    held: usize,
    reply: Result<BatchReply>,
}

/// Something besides the calls: rare, one job at a time.
enum Errand {
    /// The job left (or was given up) and its slot is free.
    Done,
    /// The outcome is to be written after all.
    Write(Outgoing),
    /// The outcome turned out to be written.
    Written(Outgoing),
    /// The queue is rate limited by a handler and the job goes back.
    Limited(Outgoing, Duration),
    /// Redis is away; try the same again.
    Again(LocalBoxFuture<'static, Errand>),
    /// Jobs that were claimed by a call whose reply was lost.
    Found(Result<Vec<(String, String)>>),
    /// A wake-up was put back.
    MarkerRestored,
    /// A wait was interrupted, which may have come before it had begun.
    Interrupted,
}

impl Fetcher {
    pub(super) fn new(
        lane: Rc<Lane>,
        settings: Settings,
        slots: Slots,
        order: Order,
        handlers: Handle,
        waiter: Waiter,
    ) -> Self {
        let (executed_to, executed) = mpsc::unbounded_channel();
        let concurrency = lane.shared.concurrency_of(&lane.queue);
        let concurrency = concurrency.map_or_else(|| watch::channel(1).1, watch::Sender::subscribe);
        Self {
            lane,
            settings,
            concurrency,
            slots,
            order,
            handlers,
            executed,
            executed_to,
            outbox: Outbox::default(),
            calls: FuturesUnordered::new(),
            errands: FuturesUnordered::new(),
            waiter: Some(waiter),
            waiting: None,
            interrupt: Interrupt::Impossible,
            running: 0,
            calling: 0,
            running_errands: 0,
            claims_in_flight: 0,
            sequence: 0,
            drained: false,
            next_due: 0,
            limited_until: None,
            retry_at: None,
            failures: 0,
            wake_ups: WakeUps::default(),
            told_drained: false,
            claims_lost: false,
            looking_for_claims: false,
            job_size: UNKNOWN_JOB_SIZE,
        }
    }

    /// Runs until the worker stops and every job has left.
    pub(super) async fn run(mut self) {
        let shared = Arc::clone(&self.lane.shared);
        let mut phase = shared.phase.subscribe();
        let mut paused = shared.paused.subscribe();
        loop {
            self.take_executed();
            self.launch_calls();
            self.account();
            self.wait_for_marker();
            if self.is_done() {
                break;
            }
            tokio::select! {
                biased;
                Some(call) = self.calls.next(), if !self.calls.is_empty() => self.on_call(call),
                Some(executed) = self.executed.recv() => self.on_executed(executed),
                Some(errand) = self.errands.next(), if !self.errands.is_empty() => self.on_errand(errand),
                (waiter, woken) = woken(&mut self.waiting) => self.on_woken(waiter, woken),
                () = until(earliest(self.retry_at, self.limited_until)) => self.on_timer(),
                () = self.slots.changed(), if self.slots.is_limited() => {}
                () = self.order.changed() => {}
                _ = phase.changed() => self.on_phase(&mut phase),
                _ = paused.changed() => self.on_paused(),
                Ok(()) = self.concurrency.changed() => {}
            }
        }
        self.slots.account(0, false);
        self.order.set_idle(true);
    }

    fn phase(&self) -> Phase {
        self.lane.shared.phase()
    }

    fn may_claim(&self) -> bool {
        self.phase() == Phase::Running
            && !*self.lane.shared.paused.borrow()
            && self.limited_until.is_none()
            && self.order.may_claim()
    }

    /// Most jobs of this queue at once.
    fn most(&self) -> usize {
        *self.concurrency.borrow()
    }

    /// Slots in use by this queue.
    fn used(&self) -> usize {
        self.running + self.outbox.len() + self.calling + self.running_errands
    }

    /// Slots that a claim may fill now. While a wait may pop a marker, one is kept for it.
    fn free(&self) -> usize {
        let own = self.most().saturating_sub(self.used());
        own.saturating_sub(usize::from(self.waiting.is_some()))
            .min(self.slots.allowance(self.used()))
    }

    /// Brings the process-wide count up to date.
    fn account(&mut self) {
        let used = self.used();
        let hungry =
            !self.drained && used < self.most() && self.retry_at.is_none() && self.may_claim();
        self.slots.account(used, hungry);
        self.order
            .set_idle(self.drained && self.claims_in_flight == 0);
    }

    fn is_done(&self) -> bool {
        let phase = self.phase();
        if phase == Phase::Abandoning {
            return true;
        }
        let quiet = self.used() == 0
            && self.calls.is_empty()
            && self.waiting.is_none()
            && self.wake_ups.restoring == 0;
        let burst_over = self.settings.burst && self.drained && self.limited_until.is_none();
        quiet && (phase > Phase::Running || burst_over)
    }

    fn wait_for_marker(&mut self) {
        let idle = self.drained && self.claims_in_flight == 0 && self.retry_at.is_none();
        // Where only other queues have the slots, it waits all the same: the marker that wakes it
        // goes to another worker, and this queue comes in for the next slot.
        let full = self.used() >= self.most();
        if self.settings.burst || !idle || !self.may_claim() || full {
            return;
        }
        let Some(timeout) = self.wait_time() else {
            self.drained = false;
            self.launch_calls();
            return self.account();
        };
        if let Some(waiter) = self.waiter.take() {
            self.next_due = 0;
            self.interrupt = waiter.interrupt();
            self.waiting = Some(Box::pin(waiter.wait(timeout)));
        }
    }

    /// How long to wait for a marker; `None` when a delayed job is due already (WIRE §5.3).
    fn wait_time(&self) -> Option<Duration> {
        if self.next_due == 0 {
            return Some(self.settings.drain_delay.max(Duration::from_millis(1)));
        }
        let ahead = u64::try_from(self.next_due.saturating_sub(clock::now())).unwrap_or(0);
        (ahead > 0).then(|| Duration::from_millis(ahead).min(LONGEST_WAIT_FOR_DUE))
    }

    fn on_woken(&mut self, waiter: Waiter, woken: Woken) {
        self.waiting = None;
        self.waiter = Some(waiter);
        match woken {
            Woken::Due(due) if due > clock::now() => self.next_due = due,
            Woken::Work if !self.may_claim() || self.free() == 0 => {
                // Popped, but not to be followed by a fetch: another worker must see it.
                self.restore_marker();
                self.drained = false;
            }
            Woken::Work => {
                self.wake_ups.woken = true;
                self.drained = false;
            }
            Woken::Due(_) | Woken::Nothing => self.drained = false,
            Woken::Broken => {
                self.drained = false;
                self.retry_at = Some(Instant::now() + Duration::from_millis(100));
            }
        }
    }

    fn restore_marker(&mut self) {
        let lane = Rc::clone(&self.lane);
        self.wake_ups.restoring += 1;
        self.errands.push(Box::pin(async move {
            let restored = crate::script::call::restore_marker(&lane.conn, &lane.keys);
            // Without it an idle peer wakes a drain delay later; nothing is lost.
            let _best_effort = tokio::time::timeout(RESTORE_TIME, restored).await;
            Errand::MarkerRestored
        }));
    }

    fn on_timer(&mut self) {
        let now = Instant::now();
        if self.retry_at.is_some_and(|at| at <= now) {
            self.retry_at = None;
        }
        if self.limited_until.is_some_and(|at| at <= now) {
            self.limited_until = None;
            self.drained = false;
        }
    }

    fn limit_for(&mut self, window: Duration) {
        if !window.is_zero() {
            let window = window.min(self.settings.maximum_rate_limit_delay);
            self.limited_until = Some(Instant::now() + window);
        }
    }

    fn on_phase(&mut self, phase: &mut watch::Receiver<Phase>) {
        let phase = *phase.borrow_and_update();
        if phase >= Phase::Draining {
            self.interrupt_wait();
        }
        if phase >= Phase::Cancelling {
            self.lane.cancel_all(&super::CancelReason::Shutdown);
        }
        if phase >= Phase::Releasing {
            self.release_running();
            // The last chance: no more patience with an absent Redis.
            self.retry_at = None;
        }
    }

    fn on_paused(&mut self) {
        self.drained = false;
        self.interrupt_wait();
    }

    /// Ends a wait at once without losing a marker that it may have popped.
    fn interrupt_wait(&mut self) {
        if self.waiting.is_none() || self.may_claim() {
            return;
        }
        if matches!(self.interrupt, Interrupt::Impossible) {
            // A server without CLIENT: closing the socket ends the wait too, but for good.
            if self.phase() >= Phase::Draining {
                self.waiting = None;
            }
            return;
        }
        self.send_interrupt(Duration::ZERO);
    }

    fn send_interrupt(&mut self, after: Duration) {
        let interrupt = self.interrupt.clone();
        self.errands.push(Box::pin(async move {
            tokio::time::sleep_until((Instant::now() + after).into()).await;
            interrupt.send().await;
            Errand::Interrupted
        }));
    }

    /// The wait and its interruption go over two connections, so the second may arrive first.
    fn on_interrupted(&mut self) {
        if self.waiting.is_some() && !self.may_claim() {
            self.send_interrupt(INTERRUPT_AGAIN);
        }
    }
}

async fn woken(waiting: &mut Option<LocalBoxFuture<'static, (Waiter, Woken)>>) -> (Waiter, Woken) {
    match waiting {
        Some(wait) => wait.await,
        None => std::future::pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
