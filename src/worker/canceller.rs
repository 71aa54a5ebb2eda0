//! Stops the jobs that someone outside wants to be cancelled.
//!
//! Requests are state in Redis, not messages, so that none is missed while a connection is broken.
//! One small command asks for all queues of the process, and only while they have jobs.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use super::{
    CancelReason, RawJob, Settled, SettledState,
    cancel::{CancelOutcome, cancel},
    control::Tally,
    lane::Lane,
};
use crate::{
    Error, Result, clock,
    script::call::{self, Requested},
    wire::JobRecord,
};

/// With a round trip, a request is seen within a second.
const EVERY: Duration = Duration::from_millis(800);
/// How long after its last job a queue is still asked about: the job may have been put back before
/// its request was seen.
const STILL_ASKED: Duration = Duration::from_secs(3);

/// The role; one for all queues of a worker.
pub(super) struct Canceller {
    lanes: Vec<(Rc<Lane>, Option<Instant>)>,
    /// The queues lie in different slots of a cluster, so that each is asked about alone.
    apart: bool,
}

impl Canceller {
    pub(super) fn new(lanes: &[Rc<Lane>]) -> Self {
        Self {
            lanes: lanes.iter().map(|lane| (Rc::clone(lane), None)).collect(),
            apart: false,
        }
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.look() => {}
            }
        }
    }

    async fn look(&mut self) {
        let busy = self.busy();
        if busy.is_empty() {
            return;
        }
        if let Err(error) = self.look_at(&busy).await {
            if error.is_transient() {
                debug!(target: "bullrs::worker", %error, "cannot ask for cancellations now");
            } else {
                error!(target: "bullrs::worker", %error, "cannot ask for cancellations");
            }
        }
    }

    fn busy(&mut self) -> Vec<Rc<Lane>> {
        let now = Instant::now();
        self.lanes
            .iter_mut()
            .filter_map(|(lane, seen_busy)| {
                if lane.count() > 0 {
                    *seen_busy = Some(now);
                }
                seen_busy
                    .is_some_and(|at| now.duration_since(at) < STILL_ASKED)
                    .then(|| Rc::clone(lane))
            })
            .collect()
    }

    async fn look_at(&mut self, busy: &[Rc<Lane>]) -> Result<()> {
        if !self.apart {
            match any(busy).await {
                Ok(false) => return Ok(()),
                Ok(true) => {}
                Err(error) if is_cross_slot(&error) => self.apart = true,
                Err(error) => return Err(error),
            }
        }
        for lane in busy {
            if busy.len() == 1 && !self.apart || any(std::slice::from_ref(lane)).await? {
                serve(lane).await?;
            }
        }
        Ok(())
    }
}

async fn any(lanes: &[Rc<Lane>]) -> Result<bool> {
    let keys: Vec<_> = lanes.iter().map(|lane| &lane.keys).collect();
    match lanes.first() {
        Some(lane) => call::any_cancellation(&lane.conn, &keys).await,
        None => Ok(false),
    }
}

fn is_cross_slot(error: &Error) -> bool {
    matches!(error, Error::Redis { message, .. } if message.contains("CROSSSLOT") || message.contains("CrossSlot"))
}

/// Sees to all requests of a queue.
async fn serve(lane: &Rc<Lane>) -> Result<()> {
    let mut cursor = "0".to_owned();
    loop {
        let (next, requested) =
            call::requested_cancellations(&lane.conn, &lane.keys, &cursor).await?;
        for request in requested {
            if lane.cancel(&request.id, &request.reason) {
                info!(
                    target: "bullrs::worker", queue = &*lane.queue, job_id = request.id,
                    "told a job to stop, as requested"
                );
            } else if !request.is_active {
                fail(lane, &request).await?;
            }
        }
        if next == "0" {
            return Ok(());
        }
        cursor = next;
    }
}

/// Fails a job that was put back, or stalled, before its worker saw the request.
async fn fail(lane: &Rc<Lane>, request: &Requested) -> Result<()> {
    let keep = lane.execution.rules.remove_on_fail;
    let cancelled = cancel(&lane.conn, &lane.keys, &request.id, &request.reason, keep).await;
    let record = match cancelled {
        Ok((CancelOutcome::Cancelled { .. }, Some(record))) => record,
        Ok(_) | Err(Error::JobNotFound { .. } | Error::WrongState { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    info!(
        target: "bullrs::worker", queue = &*lane.queue, job_id = request.id,
        "cancelled a job that had been put back"
    );
    Tally::add(&lane.shared.tally.failed);
    tell(
        lane,
        record,
        CancelReason::Requested(request.reason.clone()),
    );
    Ok(())
}

fn tell(lane: &Rc<Lane>, record: JobRecord, reason: CancelReason) {
    let Some(observer) = &lane.execution.observer else {
        return;
    };
    let attempts_made = record.attempts_made;
    let job = RawJob::new(
        lane.queue.clone(),
        record,
        String::new(),
        lane.execution.port.clone(),
        None,
    );
    let failure = reason.to_string();
    job.cancel(reason);
    observer.settled(Settled {
        job,
        state: SettledState::Failed(failure),
        attempts_made,
        at: clock::now(),
    });
}
