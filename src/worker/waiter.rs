//! Waits for a queue's wake-up marker (WIRE §5.3).

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tracing::{debug, warn};

use crate::{
    Result,
    conn::{Blocking, Conn, Popped},
};

/// Waits on the marker of one queue.
pub(super) enum Waiter {
    /// On a connection of its own, by whose name dashboards count the worker.
    Own(Box<OwnWaiter>),
    /// Over the connection that all queues of the process share.
    Shared(SharedWait),
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// A marker says that there is work; whoever popped it must fetch.
    Work,
    /// A marker says when (unix ms) the next delayed job is due.
    Due(i64),
    /// Nothing came, or the wait was interrupted.
    Nothing,
    /// The connection broke.
    Broken,
}

/// What ends a wait at once without losing a marker that it may have popped.
#[derive(Clone)]
pub(super) enum Interrupt {
    /// `CLIENT UNBLOCK` with this id.
    Unblock(Conn, i64),
    /// A word to the role that waits for all.
    Shared(SharedWait),
    /// Nothing does: the server told no client id.
    Impossible,
}

impl Interrupt {
    pub(super) async fn send(self) {
        match self {
            Self::Unblock(conn, id) => {
                // Where it fails, the wait ends when its time is up.
                let _best_effort = conn.unblock(id).await;
            }
            Self::Shared(wait) => wait.tell(Request::Cancel(wait.place)),
            Self::Impossible => {}
        }
    }
}

impl Waiter {
    pub(super) fn own(conn: Conn, name: String, marker: String) -> Self {
        Self::Own(Box::new(OwnWaiter {
            conn,
            name,
            marker: [marker],
            blocking: None,
        }))
    }

    /// Dials, so that the worker is seen before it first waits.
    pub(super) async fn dial(&mut self) -> Result<()> {
        match self {
            Self::Own(own) => own.dial().await,
            Self::Shared(_) => Ok(()),
        }
    }

    /// What ends the next wait.
    pub(super) fn interrupt(&self) -> Interrupt {
        match self {
            Self::Own(own) => match own.blocking.as_ref().and_then(Blocking::client_id) {
                Some(id) => Interrupt::Unblock(own.conn.clone(), id),
                None => Interrupt::Impossible,
            },
            Self::Shared(wait) => Interrupt::Shared(wait.clone()),
        }
    }

    /// Waits at most `timeout`. Must not be dropped before it ends, unless its connection goes too.
    pub(super) async fn wait(self, timeout: Duration) -> (Self, Woken) {
        match self {
            Self::Own(mut own) => {
                let woken = own.wait(timeout).await;
                (Self::Own(own), woken)
            }
            Self::Shared(wait) => {
                let (reply, woken) = oneshot::channel();
                wait.tell(Request::Wait {
                    place: wait.place,
                    timeout,
                    reply,
                });
                let woken = woken.await.unwrap_or(Woken::Broken);
                (Self::Shared(wait), woken)
            }
        }
    }
}

/// A wait over a connection of its own.
pub(super) struct OwnWaiter {
    conn: Conn,
    name: String,
    marker: [String; 1],
    blocking: Option<Blocking>,
}

impl OwnWaiter {
    async fn dial(&mut self) -> Result<()> {
        if self.blocking.is_none() {
            self.blocking = Some(self.conn.blocking(self.name.clone()).await?);
        }
        Ok(())
    }

    async fn wait(&mut self, timeout: Duration) -> Woken {
        if let Err(error) = self.dial().await {
            debug!(target: "bullrs::worker", %error, "cannot dial the blocking connection");
            return Woken::Broken;
        }
        let Some(blocking) = &mut self.blocking else {
            return Woken::Broken;
        };
        match blocking.pop_marker(&self.marker, timeout).await {
            Ok(Popped::Marker { score, .. }) => woken_by(score),
            Ok(Popped::Nothing) => Woken::Nothing,
            Err(error) => {
                warn!(target: "bullrs::worker", %error, "the blocking connection broke");
                self.blocking = None;
                Woken::Broken
            }
        }
    }
}

/// A marker's score is 0 for work now, else the due time of a delayed job.
pub(super) fn woken_by(score: f64) -> Woken {
    if score > 0.0 {
        Woken::Due(crate::wire::saturating_int(score))
    } else {
        Woken::Work
    }
}

/// One queue's way to the role that waits for all.
#[derive(Debug, Clone)]
pub(super) struct SharedWait {
    pub(super) place: usize,
    pub(super) requests: mpsc::UnboundedSender<Request>,
}

impl SharedWait {
    fn tell(&self, request: Request) {
        // The role is gone only when the worker ends; then nobody waits any more.
        let _ended = self.requests.send(request);
    }
}

/// What the role that waits for all is asked.
#[derive(Debug)]
pub(super) enum Request {
    /// Wait for this queue's marker, too.
    Wait {
        place: usize,
        timeout: Duration,
        reply: oneshot::Sender<Woken>,
    },
    /// Wait for it no longer.
    Cancel(usize),
}
