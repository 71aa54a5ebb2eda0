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
    /// Otherwise it only sees when a lock's time is over.
    pub(super) renews: bool,
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
        let due = if self.renews {
            self.lane.due_for_renewal(before)
        } else {
            Vec::new()
        };
        for some in due.chunks(LOCKS_PER_CALL) {
            // Behind a slow network many of them may have left since.
            let mut some = some.to_vec();
            some.retain(|lock| self.lane.must_keep(lock.sequence));
            if !some.is_empty() {
                self.extend(&some).await;
            }
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
                let (lost, kept): (Vec<_>, Vec<_>) =
                    due.iter().partition(|lock| lost.contains(&lock.id));
                for lock in kept {
                    lane.renewed(lock.sequence, sent);
                }
                // A finish that went out meanwhile takes the lock with it; that is no loss.
                let lost = lost
                    .into_iter()
                    .filter(|lock| lane.must_keep(lock.sequence));
                self.report_lost(&lost.collect::<Vec<_>>(), patience).await;
            }
            Err(error) if error.is_transient() => {
                debug!(target: "bullrs::worker", queue = &*lane.queue, %error, "cannot extend locks now");
            }
            Err(error) => {
                error!(target: "bullrs::worker", queue = &*lane.queue, %error, "cannot extend locks");
            }
        }
    }

    /// Asks who holds these locks now, for all in one call: the other locks must not wait for it.
    async fn report_lost(&self, lost: &[&Renewal], patience: Duration) {
        if lost.is_empty() {
            return;
        }
        let lane = &self.lane;
        let ids: Vec<&str> = lost.iter().map(|lock| lock.id.as_str()).collect();
        let asked = call::lock_holders(&lane.conn, &lane.keys, &ids);
        let holders = match tokio::time::timeout(patience, asked).await {
            Ok(Ok(holders)) => holders,
            // Whoever it is, it is not us.
            Ok(Err(_)) | Err(_) => vec![None; lost.len()],
        };
        for (lock, holder) in lost.iter().zip(holders) {
            let is_ours = holder.as_deref() == Some(lock.lock_token.as_str());
            if is_ours || !lane.must_keep(lock.sequence) {
                continue;
            }
            let overdue = lock
                .renewed
                .elapsed()
                .saturating_sub(lane.lock_duration)
                .as_millis();
            let why = match holder {
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
