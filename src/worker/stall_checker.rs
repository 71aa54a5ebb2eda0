//! Hands back the jobs of workers that died, at start and then at each interval (WIRE §4.4).

use std::{rc::Rc, time::Duration};

use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::lane::Lane;
use crate::{clock, script::call};

/// The stalled check of one queue; all workers together make it once in each interval.
pub(super) struct StallChecker {
    pub(super) lane: Rc<Lane>,
    pub(super) interval: Duration,
    pub(super) most: u32,
}

impl StallChecker {
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(self.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                // A check takes them in steps, so there may be more.
                _ = ticks.tick() => while self.check().await {}
            }
        }
    }

    /// Whether any job was recovered.
    async fn check(&self) -> bool {
        let Lane {
            conn, keys, queue, ..
        } = &*self.lane;
        match call::recover_stalled(conn, keys, clock::now(), self.most, self.interval).await {
            Ok(ids) => {
                for id in &ids {
                    warn!(target: "bullrs::worker", queue = &**queue, job_id = id, "recovered a stalled job");
                    if let Some(observer) = &self.lane.execution.observer {
                        observer.stalled(queue, id);
                    }
                }
                return !ids.is_empty();
            }
            Err(error) if error.is_transient() => {
                debug!(target: "bullrs::worker", queue = &**queue, %error, "cannot check for stalled jobs now");
            }
            Err(error) => {
                error!(target: "bullrs::worker", queue = &**queue, %error, "cannot check for stalled jobs");
            }
        }
        false
    }
}
