//! A connection of its own for `BZPOPMIN` on a queue's marker.

use std::time::Duration;

use redis::{AsyncConnectionConfig, Cmd, Value, aio::MultiplexedConnection};

use super::{
    ConnectionOptions, DIAL_TIMEOUT, classify::classify, not_connected, raise, redis_error,
};
use crate::{Error, Result};

/// A named connection that blocks. Dashboards count workers by its name (WIRE §5.2).
pub(crate) struct Blocking {
    socket: MultiplexedConnection,
    client_id: Option<i64>,
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
    pub(super) async fn dial(options: &ConnectionOptions, name: &str) -> Result<Self> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(DIAL_TIMEOUT))
            .set_response_timeout(None);
        let mut socket = options
            .client()?
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| not_connected(&error))?;
        let mut setup = redis::pipe();
        setup
            .cmd("CLIENT")
            .arg("SETNAME")
            .arg(name)
            .cmd("CLIENT")
            .arg("ID");
        // Both are niceties: a server that forbids CLIENT still serves the queue.
        let answers = socket.send_packed_commands(&setup, 0, 2).await;
        let client_id = match answers.as_deref() {
            Ok([_, Value::Int(id)]) => Some(*id),
            _ => None,
        };
        Ok(Self { socket, client_id })
    }

    /// The id to `CLIENT UNBLOCK` this connection by, where the server told it.
    pub(crate) fn client_id(&self) -> Option<i64> {
        self.client_id
    }

    /// Waits for a marker on any of `keys`, at most `timeout`.
    ///
    /// A reply that is a second late means a half-open socket (WIRE §5.3).
    ///
    /// # Cancel safety
    /// None: a dropped wait may already have popped a marker, which other workers then miss.
    pub(crate) async fn pop_marker(
        &mut self,
        keys: &[String],
        timeout: Duration,
    ) -> Result<Popped> {
        let mut command = Cmd::new();
        command
            .arg("BZPOPMIN")
            .arg(keys)
            .arg(format!("{:.3}", timeout.as_secs_f64()));
        let reply = tokio::time::timeout(
            timeout + Duration::from_secs(1),
            self.socket.send_packed_command(&command),
        )
        .await
        .map_err(|_| Error::Redis {
            operation: "BZPOPMIN",
            message: "no answer in time; the connection is half-open".into(),
            transient: true,
            ambiguous: true,
        })?;
        match reply.and_then(raise) {
            Ok(reply) => Ok(read_marker(&reply, keys)),
            Err(error) => Err(redis_error("BZPOPMIN", &error, classify(&error))),
        }
    }
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

impl Blocking {
    /// Runs any command that the server answers within `timeout`; one that is 5 s late means a
    /// half-open socket. Dropping the connection ends what it waits for at once.
    pub(crate) async fn run(
        &mut self,
        operation: &'static str,
        command: &Cmd,
        timeout: Duration,
    ) -> Result<Value> {
        let sent = self.socket.send_packed_command(command);
        let reply = tokio::time::timeout(timeout + Duration::from_secs(5), sent)
            .await
            .map_err(|_| Error::Redis {
                operation,
                message: "no answer in time; the connection is half-open".into(),
                transient: true,
                ambiguous: true,
            })?;
        reply
            .and_then(raise)
            .map_err(|error| redis_error(operation, &error, classify(&error)))
    }
}
