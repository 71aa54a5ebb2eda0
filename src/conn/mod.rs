//! Connections to Redis: one shared one for commands, named blocking ones on demand (WIRE §5.2).

mod blocking;
mod classify;
mod options;
mod server;

pub(crate) use blocking::{Blocking, Popped};
pub use options::ConnectionOptions;
pub use server::ServerInfo;

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{AsyncConnectionConfig, Cmd, Pipeline, RedisResult, Value, aio::MultiplexedConnection};
use tokio::{runtime::Handle, sync::Mutex};

use crate::{Error, Result};
use classify::{Verdict, classify};

/// How long dialling may take before it counts as failed.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a reply may take before the connection counts as half-open and is dialled anew.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// The shared command connection of a process. Cheap to clone; dials again by itself.
///
/// It retries nothing: a call that fails says whether it may be repeated
/// ([`Error::is_transient`]) and whether it may have been carried out
/// ([`Error::is_ambiguous`]).
#[derive(Clone)]
pub struct Conn(Arc<Inner>);

struct Inner {
    options: ConnectionOptions,
    /// Where the socket is driven: a runtime that the users' handlers cannot block.
    home: Handle,
    live: RwLock<Option<Live>>,
    dialling: Mutex<u64>,
    healthy: AtomicBool,
}

#[derive(Clone)]
struct Live {
    generation: u64,
    socket: MultiplexedConnection,
}

impl Conn {
    /// Dials and authenticates. The socket is driven by the runtime this is called on.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses the credentials.
    pub async fn connect(options: ConnectionOptions) -> Result<Self> {
        let conn = Self(Arc::new(Inner {
            options,
            home: Handle::current(),
            live: RwLock::new(None),
            dialling: Mutex::new(0),
            healthy: AtomicBool::new(false),
        }));
        conn.live().await?;
        Ok(conn)
    }

    /// The options it was made with.
    pub fn options(&self) -> &ConnectionOptions {
        &self.0.options
    }

    /// Whether the last call reached a server that could carry it out.
    pub fn is_healthy(&self) -> bool {
        self.0.healthy.load(Ordering::Relaxed)
    }

    /// Sends one command.
    pub(crate) async fn call(&self, operation: &'static str, command: &Cmd) -> Result<Value> {
        let mut live = self.live().await?;
        let reply = live
            .socket
            .send_packed_command(command)
            .await
            .and_then(raise);
        self.settle(operation, live.generation, reply)
    }

    /// Sends commands in one round trip, without a transaction; each has its own outcome.
    pub(crate) async fn call_all(
        &self,
        operation: &'static str,
        commands: &[Cmd],
    ) -> Result<Vec<Result<Value>>> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = Pipeline::with_capacity(commands.len());
        for command in commands {
            pipeline.add_command(command.clone());
        }
        let mut live = self.live().await?;
        let replies = live
            .socket
            .send_packed_commands(&pipeline, 0, commands.len())
            .await;
        let settle = |reply: RedisResult<Value>| self.settle(operation, live.generation, reply);
        match replies {
            Ok(replies) => Ok(replies.into_iter().map(|r| settle(raise(r))).collect()),
            Err(error) => settle(Err(error)).map(|_| Vec::new()),
        }
    }

    /// Ends the blocking command of the connection with this id.
    pub(crate) async fn unblock(&self, client_id: i64) -> Result<()> {
        let mut unblock = Cmd::new();
        unblock.arg("CLIENT").arg("UNBLOCK").arg(client_id);
        self.call("CLIENT UNBLOCK", &unblock).await.map(drop)
    }

    /// Dials a connection of its own for blocking commands, with this client name.
    pub(crate) async fn blocking(&self, name: String) -> Result<Blocking> {
        let options = self.0.options.clone();
        self.0
            .home
            .spawn(async move { Blocking::dial(&options, &name).await })
            .await
            .map_err(|_| Error::Closed)?
    }

    fn settle<T>(
        &self,
        operation: &'static str,
        generation: u64,
        reply: RedisResult<T>,
    ) -> Result<T> {
        match reply {
            Ok(value) => {
                self.0.healthy.store(true, Ordering::Relaxed);
                Ok(value)
            }
            Err(error) => {
                let verdict = classify(&error);
                if verdict.reconnect {
                    self.drop_generation(generation);
                }
                if verdict.transient {
                    self.0.healthy.store(false, Ordering::Relaxed);
                }
                Err(redis_error(operation, &error, verdict))
            }
        }
    }

    fn drop_generation(&self, generation: u64) {
        let mut live = self.0.live.write().unwrap_or_else(PoisonError::into_inner);
        if live
            .as_ref()
            .is_some_and(|live| live.generation == generation)
        {
            *live = None;
        }
    }

    fn current(&self) -> Option<Live> {
        self.0
            .live
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The live socket; dials when there is none. Concurrent callers share one dialling.
    async fn live(&self) -> Result<Live> {
        if let Some(live) = self.current() {
            return Ok(live);
        }
        let mut generations = self.0.dialling.lock().await;
        if let Some(live) = self.current() {
            return Ok(live);
        }
        let options = self.0.options.clone();
        // Dialled from the home runtime, because the socket's driver runs where it was dialled.
        let dialled = self.0.home.spawn(async move { dial(&options).await }).await;
        let socket = dialled.map_err(|_| Error::Closed)?.inspect_err(|_| {
            self.0.healthy.store(false, Ordering::Relaxed);
        })?;
        *generations += 1;
        let live = Live {
            generation: *generations,
            socket,
        };
        *self.0.live.write().unwrap_or_else(PoisonError::into_inner) = Some(live.clone());
        self.0.healthy.store(true, Ordering::Relaxed);
        Ok(live)
    }
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conn")
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}

/// A refusal comes as a value; no reply of ours has one further inside.
fn raise(reply: Value) -> RedisResult<Value> {
    match reply {
        Value::ServerError(error) => Err(error.into()),
        reply => Ok(reply),
    }
}

async fn dial(options: &ConnectionOptions) -> Result<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(DIAL_TIMEOUT))
        .set_response_timeout(Some(REPLY_TIMEOUT));
    options
        .client()?
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .map_err(|error| not_connected(&error))
}

/// Nothing was sent yet, so nothing can have been carried out; dialling again may always help.
fn not_connected(error: &redis::RedisError) -> Error {
    let verdict = Verdict {
        reconnect: true,
        transient: true,
        ambiguous: false,
    };
    redis_error("connect", error, verdict)
}

fn redis_error(operation: &'static str, error: &redis::RedisError, verdict: Verdict) -> Error {
    Error::Redis {
        operation,
        message: error.to_string(),
        transient: verdict.transient,
        ambiguous: verdict.ambiguous,
    }
}
