//! Keeps the locks of running jobs, all of a queue in one call (WIRE §5.4).

use std::{
    collections::HashSet,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::lane::{Lane, Renewal};
use crate::script::call;

/// Most locks in one call, so that Redis is never held up by a large worker.
const LOCKS_PER_CALL: usize = 500;

/// Extends locks when a quarter of their time has passed; a job whose lock is lost, or could not
/// be extended before it ran out, is told to stop and its outcome is not written.
pub(super) struct LockKeeper {
    pub(super) lane: Rc<Lane>,
}

impl LockKeeper {
    pub(super) async fn run(self, stop: CancellationToken) {
        let every = (self.lane.lock_duration / 8).max(Duration::from_millis(10));
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => self.renew().await,
            }
        }
    }

    async fn renew(&self) {
        let now = Instant::now();
        let Some(before) = now.checked_sub(self.lane.lock_duration / 4) else {
            return;
        };
        let due = self.lane.due_for_renewal(before);
        for some in due.chunks(LOCKS_PER_CALL) {
            self.extend(some).await;
        }
        self.give_up_expired();
    }

    async fn extend(&self, due: &[Renewal]) {
        let locks: Vec<_> = due
            .iter()
            .map(|lock| (lock.id.clone(), lock.lock_token.clone()))
            .collect();
        let sent = Instant::now();
        let lane = &self.lane;
        let extended = call::extend_locks(&lane.conn, &lane.keys, &locks, lane.lock_duration);
        // A silent connection must not keep us from seeing that a lock's time is over.
        let patience = (lane.lock_duration / 4).max(Duration::from_millis(50));
        let Ok(extended) = tokio::time::timeout(patience, extended).await else {
            debug!(target: "bullrs::worker", queue = &*lane.queue, "extending locks takes long");
            return;
        };
        match extended {
            Ok(lost) => {
                let lost: HashSet<String> = lost.into_iter().collect();
                for lock in due {
                    if lost.contains(&lock.id) {
                        self.report_lost(lock).await;
                    } else {
                        lane.renewed(lock.sequence, sent);
                    }
                }
            }
            Err(error) if error.is_transient() => {
                debug!(target: "bullrs::worker", queue = &*lane.queue, %error, "cannot extend locks now");
            }
            Err(error) => {
                error!(target: "bullrs::worker", queue = &*lane.queue, %error, "cannot extend locks");
            }
        }
    }

    async fn report_lost(&self, lock: &Renewal) {
        let lane = &self.lane;
        // A finish that was in flight takes the lock with it; that is no loss.
        let held_by = call::lock_holder(&lane.conn, &lane.keys, &lock.id)
            .await
            .ok()
            .flatten();
        if held_by.as_deref() == Some(lock.lock_token.as_str()) || lane.is_lost(lock.sequence) {
            return;
        }
        let overdue = lock
            .renewed
            .elapsed()
            .saturating_sub(lane.lock_duration)
            .as_millis();
        let why = match held_by {
            Some(_) => format!("another worker holds it (renewal was {overdue} ms late)"),
            None => format!("it is gone (renewal was {overdue} ms late)"),
        };
        if lane.lose(lock.sequence, &why) {
            warn!(
                target: "bullrs::worker",
                queue = &*lane.queue, job_id = lock.id, why,
                "lost the lock; the job is told to stop and its outcome will not be written"
            );
        }
    }

    /// Locks whose time ran out while Redis was away: another worker may hold them by now.
    fn give_up_expired(&self) {
        let Some(expiry) = Instant::now().checked_sub(self.lane.lock_duration) else {
            return;
        };
        for lock in self.lane.due_for_renewal(expiry) {
            let overdue = lock
                .renewed
                .elapsed()
                .saturating_sub(self.lane.lock_duration)
                .as_millis();
            let why = format!("it could not be renewed in time ({overdue} ms late)");
            if self.lane.lose(lock.sequence, &why) {
                warn!(
                    target: "bullrs::worker",
                    queue = &*self.lane.queue, job_id = lock.id, why,
                    "lost the lock; the job is told to stop and its outcome will not be written"
                );
            }
        }
    }
}
