//! How a running worker is told what to do, and what it says of itself.

use std::{
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use super::{CancelReason, executor::Held, health::Pulse};
use crate::{Error, Result, conn::Conn};

/// How far a stop has come. Each phase implies those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Fetches and runs.
    Running,
    /// Fetches nothing more; running jobs go on.
    Draining,
    /// Running jobs were told to stop.
    Cancelling,
    /// What still runs is handed back to the queue.
    Releasing,
    /// What could not be handed back is left to the stalled check.
    Abandoning,
}

/// A handle on a running worker. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Control(pub(super) Arc<Shared>);

/// What the roles of a worker and its handles share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) phase: watch::Sender<Phase>,
    pub(super) paused: watch::Sender<bool>,
    /// Most jobs of each queue at once.
    pub(super) concurrency: Vec<(Arc<str>, watch::Sender<usize>)>,
    pub(super) stop: watch::Sender<Stop>,
    pub(super) tally: Tally,
    pub(super) ready: AtomicBool,
    /// Every job of the process; dead entries are swept when the list is read or grows.
    pub(super) held: Mutex<Vec<(Arc<str>, Weak<Held>)>>,
    pub(super) conn: Conn,
    pub(super) pulse: Pulse,
}

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    No,
    Drain,
    Now,
}

/// Counters of what became of jobs.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) completed: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) retried: AtomicU64,
    pub(super) released: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) abandoned: AtomicU64,
}

/// What a worker did, from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Jobs that completed.
    pub completed: u64,
    /// Jobs that failed for good.
    pub failed: u64,
    /// Failed attempts that will be made again.
    pub retried: u64,
    /// Jobs handed back to the queue without using an attempt.
    pub released: u64,
    /// Jobs whose lock was lost; their outcome was not written.
    pub lost: u64,
    /// Jobs that could be neither finished nor handed back; a stalled check recovers them.
    pub abandoned: u64,
    /// How long the worker ran.
    pub took: Duration,
}

/// A job that runs at this moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunningJob {
    /// The queue's name.
    pub queue: String,
    /// The job's id.
    pub id: String,
    /// The job's name.
    pub name: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How long it has been running.
    pub elapsed: Duration,
}

impl Control {
    /// Stops fetching, lets running jobs end within the `drain` time, then hands back the rest.
    pub fn stop(&self) {
        self.ask(Stop::Drain);
    }

    /// Stops at once: cancels what runs and hands it back.
    pub fn stop_now(&self) {
        self.ask(Stop::Now);
    }

    fn ask(&self, wanted: Stop) {
        self.0.stop.send_if_modified(|stop| {
            let more = wanted > *stop;
            *stop = wanted.max(*stop);
            more
        });
    }

    /// Fetches nothing more until [`resume`](Self::resume); running jobs go on. This process only.
    pub fn pause(&self) {
        self.0.paused.send_replace(true);
    }

    /// Fetches again.
    pub fn resume(&self) {
        self.0.paused.send_replace(false);
    }

    /// Runs at most so many jobs of a queue at once from now on. Of a lower number more may run
    /// until they have ended. This process only.
    ///
    /// # Errors
    /// [`Error::Invalid`] of 0, and of a queue that this worker does not serve.
    pub fn set_concurrency(&self, queue: &str, jobs: usize) -> Result<()> {
        if jobs == 0 {
            return Err(Error::Invalid {
                field: "concurrency",
                rule: "must be at least 1, got 0; to run nothing, pause the worker".into(),
            });
        }
        match self.0.concurrency_of(queue) {
            Some(most) => most.send_replace(jobs),
            None => {
                return Err(Error::Invalid {
                    field: "queue",
                    rule: format!("must be one that this worker serves, got `{queue}`"),
                });
            }
        };
        Ok(())
    }

    /// How many jobs of a queue may run at once; `None` of one that this worker does not serve.
    pub fn concurrency(&self, queue: &str) -> Option<usize> {
        self.0.concurrency_of(queue).map(|most| *most.borrow())
    }

    /// Whether [`pause`](Self::pause) holds.
    pub fn is_paused(&self) -> bool {
        *self.0.paused.borrow()
    }

    /// Tells a job that runs in this process to stop; it fails for good with
    /// `cancelled: <reason>`, unless it ends well all the same. `false` when it does not run here:
    /// [`JobHandle::cancel`](crate::job::JobHandle::cancel) reaches jobs anywhere.
    pub fn cancel(&self, queue: &str, id: &str, reason: &str) -> bool {
        let held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = false;
        for (of, job) in held.iter() {
            if &**of == queue
                && let Some(job) = job.upgrade().filter(|job| job.id == id)
            {
                found = true;
                if job.cancellation.reason().is_none() {
                    let reason = CancelReason::Requested(reason.to_owned());
                    job.cancellation.cancel(reason);
                }
            }
        }
        found
    }

    /// Whether the worker has started, is not stopping, and reaches Redis.
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Relaxed)
            && self.0.conn.is_healthy()
            && self.troubles().is_empty()
            && *self.0.phase.borrow() == Phase::Running
    }

    /// The jobs that run now.
    pub fn jobs(&self) -> Vec<RunningJob> {
        let mut held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|(_, job)| job.strong_count() > 0);
        held.iter()
            .filter_map(|(queue, held)| {
                let held = held.upgrade()?;
                let job = held.job.get();
                Some(RunningJob {
                    queue: queue.to_string(),
                    id: held.id.clone(),
                    name: job.map_or_else(String::new, |job| job.name().to_owned()),
                    attempt: job.map_or(0, super::RawJob::attempt),
                    elapsed: held.since.elapsed(),
                })
            })
            .collect()
    }
}

impl Shared {
    pub(super) fn concurrency_of(&self, queue: &str) -> Option<&watch::Sender<usize>> {
        let mut all = self.concurrency.iter();
        all.find(|(name, _)| &**name == queue).map(|(_, most)| most)
    }

    /// Remembers a job for [`Control::jobs`].
    pub(super) fn remember(&self, queue: &Arc<str>, job: &Arc<Held>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() == held.capacity() {
            held.retain(|(_, job)| job.strong_count() > 0);
        }
        held.push((Arc::clone(queue), Arc::downgrade(job)));
    }

    pub(super) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    pub(super) fn report(&self, took: Duration) -> Report {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Report {
            completed: read(&self.tally.completed),
            failed: read(&self.tally.failed),
            retried: read(&self.tally.retried),
            released: read(&self.tally.released),
            lost: read(&self.tally.lost),
            abandoned: read(&self.tally.abandoned),
            took,
        }
    }
}

impl Tally {
    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
