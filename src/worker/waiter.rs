//! Waits for a queue's wake-up marker on a connection of its own (WIRE §5.3).

use std::time::Duration;

use tracing::{debug, warn};

use crate::{
    Result,
    conn::{Blocking, Conn, Popped},
};

/// Waits on the marker of one queue. The connection's name is what dashboards count.
pub(super) struct Waiter {
    conn: Conn,
    name: String,
    marker: [String; 1],
    blocking: Option<Blocking>,
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

impl Waiter {
    pub(super) fn new(conn: Conn, name: String, marker: String) -> Self {
        Self {
            conn,
            name,
            marker: [marker],
            blocking: None,
        }
    }

    /// Dials, so that the worker is seen before it first waits.
    pub(super) async fn dial(&mut self) -> Result<()> {
        if self.blocking.is_none() {
            self.blocking = Some(self.conn.blocking(self.name.clone()).await?);
        }
        Ok(())
    }

    /// The id to `CLIENT UNBLOCK` the wait by.
    pub(super) fn client_id(&self) -> Option<i64> {
        self.blocking.as_ref().and_then(Blocking::client_id)
    }

    /// Waits at most `timeout`. Must not be dropped before it ends, unless its connection goes too.
    pub(super) async fn wait(mut self, timeout: Duration) -> (Self, Woken) {
        if let Err(error) = self.dial().await {
            debug!(target: "bullrs::worker", %error, "cannot dial the blocking connection");
            return (self, Woken::Broken);
        }
        let Some(blocking) = &mut self.blocking else {
            return (self, Woken::Broken);
        };
        match blocking.pop_marker(&self.marker, timeout).await {
            Ok(Popped::Marker { score, .. }) if score > 0.0 => {
                (self, Woken::Due(crate::wire::saturating_int(score)))
            }
            Ok(Popped::Marker { .. }) => (self, Woken::Work),
            Ok(Popped::Nothing) => (self, Woken::Nothing),
            Err(error) => {
                warn!(target: "bullrs::worker", %error, "the blocking connection broke");
                self.blocking = None;
                (self, Woken::Broken)
            }
        }
    }
}
