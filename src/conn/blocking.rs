//! A connection of its own for `BZPOPMIN` on a queue's marker.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use redis::{Cmd, Value};

use super::{
    address::Address,
    cluster::{Cluster, slot},
    dial::Socket,
    fault::{Fault, Redirect},
    line::{Line, Live},
};
use crate::Result;

/// A reply that is this late means a half-open socket (WIRE §5.3).
const LATE: Duration = Duration::from_secs(1);
/// Least time that a wait lasts; Redis before 7.0.8 knows no shorter one.
const SHORTEST_WAIT: Duration = Duration::from_millis(2);
/// Nodes that one wait tries, when its slot moves.
const MOVES: u32 = 8;

/// A named connection that blocks. Dashboards count workers by its name (WIRE §5.2).
pub(crate) struct Blocking {
    line: Arc<Line>,
    socket: Socket,
    address: Address,
    client_id: Option<i64>,
    name: String,
    /// Where its queue may be elsewhere tomorrow.
    cluster: Option<Arc<Cluster>>,
}

/// What a blocking pop of markers gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Popped {
    /// A marker's score: 0 for work now, else the unix ms when the next delayed job is due.
    /// `key` says which of the keys it was, by position.
    Marker { key: usize, score: f64 },
    /// Nothing came in time, or the wait was interrupted.
    Nothing,
}

impl Blocking {
    /// Dials the server of `line`.
    pub(super) async fn dial(line: Arc<Line>, name: &str) -> Result<Self, Fault> {
        let opened = line.another().await?;
        let (socket, address, client_id) = named(opened, name).await;
        Ok(Self {
            line,
            socket,
            address,
            client_id,
            name: name.to_owned(),
            cluster: None,
        })
    }

    /// Dials the node that serves the queue of this client name: `getWorkers()` counts the workers
    /// of a queue on the node that has most of them.
    pub(super) async fn dial_cluster(cluster: Arc<Cluster>, name: &str) -> Result<Self, Fault> {
        let line = cluster.reachable_owner(slot_of_name(name)).await?;
        let mut blocking = Self::dial(line, name)
            .await
            .inspect_err(|fault| cluster.note(fault))?;
        blocking.client_id = blocking.client_id.map(|client| {
            let id = cluster.blocked_id();
            cluster.set_blocked(id, Some((blocking.address.clone(), client)));
            id
        });
        blocking.cluster = Some(cluster);
        Ok(blocking)
    }

    /// The id to `unblock` this connection by, where the server told it.
    pub(crate) fn client_id(&self) -> Option<i64> {
        self.client_id
    }

    /// Waits for a marker on any of `keys`, at most `timeout`.
    ///
    /// # Cancel safety
    /// None: a dropped wait may already have popped a marker, which other workers then miss.
    pub(crate) async fn pop_marker(
        &mut self,
        keys: &[String],
        timeout: Duration,
    ) -> Result<Popped> {
        let until = Instant::now() + timeout;
        let mut moves = 0;
        loop {
            let left = until
                .saturating_duration_since(Instant::now())
                .max(SHORTEST_WAIT);
            let mut command = Cmd::new();
            command
                .arg("BZPOPMIN")
                .arg(keys)
                .arg(format!("{:.3}", left.as_secs_f64()));
            if self.cluster.is_some() {
                let slot = slot::of_command(&command)?.unwrap_or_default();
                self.follow(slot)
                    .await
                    .map_err(|fault| fault.into_error("BZPOPMIN"))?;
            }
            let fault = match self.wait(&command, left).await {
                Ok(reply) => return Ok(read_marker(&reply, keys)),
                Err(fault) => fault,
            };
            if let Some(cluster) = &self.cluster {
                cluster.note(&fault);
            }
            moves += 1;
            if !matches!(fault.redirect, Some(Redirect::Moved(..))) || moves > MOVES {
                return Err(fault.into_error("BZPOPMIN"));
            }
        }
    }

    /// Runs any command that the server answers within `timeout`; one that is a second late means
    /// a half-open socket. Dropping the connection ends what it waits for at once.
    pub(crate) async fn run(
        &mut self,
        operation: &'static str,
        command: &Cmd,
        timeout: Duration,
    ) -> Result<Value> {
        if self.cluster.is_some()
            && let Some(slot) = slot::of_command(command)?
        {
            let followed = self.follow(slot).await;
            followed.map_err(|fault| fault.into_error(operation))?;
        }
        self.wait(command, timeout).await.map_err(|fault| {
            if let Some(cluster) = &self.cluster {
                cluster.note(&fault);
            }
            fault.into_error(operation)
        })
    }

    async fn wait(&mut self, command: &Cmd, timeout: Duration) -> Result<Value, Fault> {
        let why = tokio::select! {
            reply = self.socket.send(command) => {
                return reply.map_err(|error| Fault::of(&error, &self.address));
            }
            // Markers appear there now.
            () = self.line.leads_elsewhere(&self.address) => "redis has another master",
            () = tokio::time::sleep_until((Instant::now() + timeout + LATE).into()) => {
                "no answer in time; the connection is half-open"
            }
        };
        let mut fault = Fault::unreached(why);
        fault.verdict.ambiguous = true;
        Err(fault)
    }

    /// Dials anew when another node serves the slot by now.
    async fn follow(&mut self, slot: u16) -> Result<(), Fault> {
        let Some(cluster) = self.cluster.clone() else {
            return Ok(());
        };
        if cluster.owner(slot).as_ref() == Some(&self.address) {
            return Ok(());
        }
        let line = cluster.reachable_owner(slot).await?;
        let opened = line
            .another()
            .await
            .inspect_err(|fault| cluster.note(fault))?;
        let (socket, address, client) = named(opened, &self.name).await;
        (self.line, self.socket, self.address) = (line, socket, address);
        if let Some(id) = self.client_id {
            let place = client.map(|client| (self.address.clone(), client));
            cluster.set_blocked(id, place);
        }
        Ok(())
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        if let (Some(cluster), Some(id)) = (&self.cluster, self.client_id) {
            cluster.set_blocked(id, None);
        }
    }
}

/// Gives a connection its name and learns its id. Both are niceties: a server that forbids CLIENT
/// still serves the queue.
async fn named(live: Live, name: &str) -> (Socket, Address, Option<i64>) {
    let address = live.address.clone();
    let mut socket = live.into_socket();
    let mut setup = redis::pipe();
    setup
        .cmd("CLIENT")
        .arg("SETNAME")
        .arg(name)
        .cmd("CLIENT")
        .arg("ID");
    let client_id = match socket.send_all(&setup).await.as_deref() {
        Ok([_, Ok(Value::Int(id))]) => Some(*id),
        _ => None,
    };
    (socket, address, client_id)
}

/// The slot of the queue that a client name stands for: `{prefix}:{base64 of the queue}`, and more
/// behind it (WIRE §5.2).
fn slot_of_name(name: &str) -> u16 {
    let base = name.split(":w:").next().unwrap_or(name);
    let base = base.strip_suffix(":qe").unwrap_or(base);
    let queue_key = base.rsplit_once(':').and_then(|(prefix, queue)| {
        let queue = String::from_utf8(STANDARD.decode(queue).ok()?).ok()?;
        Some(format!("{prefix}:{queue}:"))
    });
    slot::of_key(queue_key.as_deref().unwrap_or(name).as_bytes())
}

fn read_marker(reply: &Value, keys: &[String]) -> Popped {
    let Value::Array(parts) = reply else {
        return Popped::Nothing;
    };
    let [key, _member, score] = parts.as_slice() else {
        return Popped::Nothing;
    };
    let score = match score {
        Value::Double(score) => *score,
        Value::BulkString(text) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0.0),
        _ => 0.0,
    };
    let key = match key {
        Value::BulkString(name) => keys
            .iter()
            .position(|key| key.as_bytes() == name.as_slice()),
        _ => None,
    };
    Popped::Marker {
        key: key.unwrap_or(0),
        score,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_name_leads_to_the_slot_of_its_queue() {
        for (prefix, queue) in [("{bull}", "q"), ("bull", "{q}"), ("a:{b}", "q")] {
            let keys = crate::wire::QueueKeys::new(prefix, queue).unwrap();
            let slot = slot::of_key(keys.key("marker").as_bytes());
            for worker in [None, Some("w1")] {
                let name = keys.client_name(worker).unwrap();
                assert_eq!(slot_of_name(&name), slot, "{name}");
            }
        }
    }
}
