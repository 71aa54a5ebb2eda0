//! What a worker says of its health; nothing here waits for handlers.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use tokio_util::sync::CancellationToken;

use super::control::{Control, Phase, Shared};
use crate::{Error, Result, script::call, wire::QueueKeys};

/// How often the engine's thread shows that it lives.
const BEAT: Duration = Duration::from_secs(1);
/// Silent for longer, the engine counts as stuck. Nothing of the user's runs on it, so that only a
/// machine without any time to spare comes near this.
const STUCK_AFTER: Duration = Duration::from_secs(30);

/// What a worker does at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activity {
    /// It fetches and runs jobs.
    Serving,
    /// It was told to fetch nothing ([`Control::pause`]); running jobs go on.
    Quiet,
    /// It was told to stop; running jobs may end.
    Draining,
    /// It has stopped.
    Stopped,
}

/// The roles' part in it.
#[derive(Debug)]
pub(super) struct Pulse {
    born: Instant,
    /// When the engine's thread last ran, in ms since `born`.
    beat: AtomicU64,
    /// Why a queue can neither fetch nor finish at the moment.
    troubles: Mutex<BTreeMap<String, String>>,
    queues: Vec<QueueKeys>,
}

impl Pulse {
    pub(super) fn new(queues: Vec<QueueKeys>) -> Self {
        Self {
            born: Instant::now(),
            beat: AtomicU64::new(0),
            troubles: Mutex::default(),
            queues,
        }
    }

    /// Notes that calls of a queue fail, or that they succeed again.
    pub(super) fn set_trouble(&self, queue: &str, trouble: Option<&Error>) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(error) => troubles.insert(queue.to_owned(), error.to_string()),
            None => troubles.remove(queue),
        };
    }

    fn since_beat(&self) -> Duration {
        let beat = Duration::from_millis(self.beat.load(Ordering::Relaxed));
        self.born.elapsed().saturating_sub(beat)
    }
}

/// The role that shows that the engine's thread lives.
pub(super) async fn beat(shared: std::sync::Arc<Shared>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(BEAT);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {
                let pulse = &shared.pulse;
                let now = u64::try_from(pulse.born.elapsed().as_millis()).unwrap_or(u64::MAX);
                pulse.beat.store(now, Ordering::Relaxed);
            }
        }
    }
}

impl Control {
    /// Whether the worker's own thread runs. A worker that is not alive will not recover.
    pub fn is_alive(&self) -> bool {
        self.activity() == Activity::Stopped || self.0.pulse.since_beat() < STUCK_AFTER
    }

    /// What the worker does.
    pub fn activity(&self) -> Activity {
        if !self.0.ready.load(Ordering::Relaxed) {
            return Activity::Stopped;
        }
        if self.0.phase() > Phase::Running {
            return Activity::Draining;
        }
        if *self.0.paused.borrow() {
            return Activity::Quiet;
        }
        Activity::Serving
    }

    /// Why the calls of a queue fail at the moment, by the queue's name; none when all is well.
    pub fn troubles(&self) -> BTreeMap<String, String> {
        let troubles = self.0.pulse.troubles.lock();
        troubles.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks Redis whether it would take an outcome now, and which of the queues are paused.
    ///
    /// # Errors
    /// When it would not: it is away, loading, read-only, out of memory, or refuses the
    /// credentials.
    pub async fn probe(&self) -> Result<Vec<String>> {
        let conn = &self.0.conn;
        let queues = &self.0.pulse.queues;
        if let Some(keys) = queues.first() {
            call::probe(conn, keys).await?;
        }
        let paused = try_join_all(queues.iter().map(|keys| call::is_paused(conn, keys))).await?;
        let paused = queues.iter().zip(paused).filter(|(_, paused)| *paused);
        Ok(paused.map(|(keys, _)| keys.queue().to_owned()).collect())
    }
}
