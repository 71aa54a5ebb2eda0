//! Waits for the markers of all queues over one connection (`share_blocking`).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::waiter::{Request, Woken, woken_by};
use crate::conn::{Blocking, Conn, Popped};

/// How soon to end a wait again that goes on although it was ended.
const UNBLOCK_AGAIN: Duration = Duration::from_millis(20);

/// The one blocking connection of a process. `getWorkers()` counts it for the first queue only.
pub(super) struct SharedWaiter {
    pub(super) conn: Conn,
    pub(super) name: String,
    /// The marker of each queue, by its place.
    pub(super) markers: Vec<String>,
    pub(super) requests: mpsc::UnboundedReceiver<Request>,
    pub(super) blocking: Option<Blocking>,
    pub(super) waits: BTreeMap<usize, Wait>,
}

/// A queue that waits.
pub(super) struct Wait {
    until: Instant,
    reply: oneshot::Sender<Woken>,
}

impl SharedWaiter {
    pub(super) fn new(
        conn: Conn,
        name: String,
        markers: Vec<String>,
        requests: mpsc::UnboundedReceiver<Request>,
    ) -> Self {
        Self {
            conn,
            name,
            markers,
            requests,
            blocking: None,
            waits: BTreeMap::new(),
        }
    }

    pub(super) async fn dial(&mut self) -> crate::Result<()> {
        if self.blocking.is_none() {
            self.blocking = Some(self.conn.blocking(self.name.clone()).await?);
        }
        Ok(())
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            while let Ok(request) = self.requests.try_recv() {
                self.take(request);
            }
            self.answer_expired();
            if self.waits.is_empty() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    request = self.requests.recv() => match request {
                        Some(request) => self.take(request),
                        None => return,
                    },
                }
                continue;
            }
            self.wait_once().await;
        }
    }

    fn take(&mut self, request: Request) {
        match request {
            Request::Wait {
                place,
                timeout,
                reply,
            } => {
                self.waits.insert(
                    place,
                    Wait {
                        until: Instant::now() + timeout,
                        reply,
                    },
                );
            }
            Request::Cancel(place) => self.answer(place, Woken::Nothing),
        }
    }

    fn answer(&mut self, place: usize, woken: Woken) {
        if let Some(wait) = self.waits.remove(&place) {
            // A fetcher awaits its answer until it ends.
            let _ended = wait.reply.send(woken);
        }
    }

    fn answer_expired(&mut self) {
        let now = Instant::now();
        let expired: Vec<usize> = self
            .waits
            .iter()
            .filter(|(_, wait)| wait.until <= now)
            .map(|(place, _)| *place)
            .collect();
        for place in expired {
            self.answer(place, Woken::Nothing);
        }
    }

    fn answer_all(&mut self, woken: Woken) {
        for (_, wait) in std::mem::take(&mut self.waits) {
            let _ended = wait.reply.send(woken);
        }
    }

    /// Blocks until a marker comes, the first wait is over, or another request arrives.
    async fn wait_once(&mut self) {
        if self.dial().await.is_err() {
            return self.answer_all(Woken::Broken);
        }
        let Some(blocking) = &mut self.blocking else {
            return;
        };
        let places: Vec<usize> = self.waits.keys().copied().collect();
        let markers: Vec<String> = places
            .iter()
            .filter_map(|place| self.markers.get(*place).cloned())
            .collect();
        let first = self
            .waits
            .values()
            .map(|wait| wait.until)
            .min()
            .unwrap_or_else(Instant::now);
        let timeout = first
            .saturating_duration_since(Instant::now())
            .max(Duration::from_millis(1));
        let client_id = blocking.client_id();
        let mut arrived = Vec::new();
        let mut unblock_at: Option<Instant> = None;
        let popped = {
            let pop = blocking.pop_marker(&markers, timeout);
            tokio::pin!(pop);
            loop {
                let unblocking = async {
                    match unblock_at {
                        Some(at) => tokio::time::sleep_until(at.into()).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    biased;
                    popped = &mut pop => break popped,
                    Some(request) = self.requests.recv() => {
                        arrived.push(request);
                        unblock_at = unblock_at.or_else(|| Some(Instant::now()));
                    }
                    () = unblocking => {
                        if let Some(id) = client_id {
                            // Where it fails the request is served when the first wait is over.
                            let _best_effort = self.conn.unblock(id).await;
                        }
                        // It goes over another connection and may be there before the wait is.
                        unblock_at = Some(Instant::now() + UNBLOCK_AGAIN);
                    }
                }
            }
        };
        match popped {
            // Before any cancelling: whose marker was popped must learn of it, to put it back.
            Ok(Popped::Marker { key, score }) => {
                if let Some(place) = places.get(key) {
                    self.answer(*place, woken_by(score));
                }
            }
            Ok(Popped::Nothing) => {}
            Err(error) => {
                warn!(target: "bullrs::worker", %error, "the blocking connection broke");
                self.blocking = None;
                self.answer_all(Woken::Broken);
            }
        }
        for request in arrived {
            self.take(request);
        }
    }
}
