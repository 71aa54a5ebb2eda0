//! Opening one connection: socket, TLS, credentials, database.

use std::{error::Error, io, sync::Arc, time::Duration};

use futures_util::future::{BoxFuture, FutureExt as _, select_ok};
use redis::{
    AsyncConnectionConfig, Cmd, RedisConnectionInfo, RedisError, RedisResult, Value,
    aio::MultiplexedConnection,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    task::JoinHandle,
};
use tracing::warn;

use super::{address::Address, fault::Fault, tls::Tls};

/// How long dialling may take before it counts as failed.
pub(super) const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a reply may take before its connection counts as half-open and is dialled anew.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// How a server is to be spoken to, whichever it is.
#[derive(Clone)]
pub(super) struct Access {
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: i64,
    /// `None` for a connection that is not encrypted.
    pub(super) tls: Option<Tls>,
    /// How long a reply may take.
    pub(super) patience: Duration,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            username: None,
            password: None,
            database: 0,
            tls: None,
            patience: REPLY_TIMEOUT,
        }
    }
}

/// An open connection. Cheap to clone; closed with its last clone.
#[derive(Clone)]
pub(super) struct Socket {
    connection: MultiplexedConnection,
    driver: Arc<Driver>,
}

struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Socket {
    /// Whether it is known to be of no more use, before anything is sent.
    pub(super) fn is_closed(&self) -> bool {
        self.driver.0.is_finished()
    }

    pub(super) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        let reply = self.connection.send_packed_command(command).await?;
        raise(reply)
    }

    /// Sends commands in one piece, so that no other command comes between them.
    pub(super) async fn send_all(
        &mut self,
        pipeline: &redis::Pipeline,
    ) -> RedisResult<Vec<RedisResult<Value>>> {
        let replies = self
            .connection
            .send_packed_commands(pipeline, 0, pipeline.len())
            .await?;
        Ok(replies.into_iter().map(raise).collect())
    }
}

/// A refusal comes as a value; no reply of ours has one further inside.
fn raise(reply: Value) -> RedisResult<Value> {
    match reply {
        Value::ServerError(error) => Err(error.into()),
        reply => Ok(reply),
    }
}

/// Dials and introduces itself. `patience` is how long a reply may take, later on.
///
/// # Errors
/// What is wrong and how to mend it; nothing of the caller's was sent.
pub(super) async fn dial(
    address: &Address,
    access: &Access,
    patience: Option<Duration>,
) -> Result<Socket, Fault> {
    let dialling = async {
        let mut socket = open(address, access, patience)
            .await
            .map_err(|error| Fault::unreached(not_opened(&error, access)))?;
        introduce(&mut socket, address, access).await?;
        Ok(socket)
    };
    tokio::time::timeout(DIAL_TIMEOUT, dialling)
        .await
        .unwrap_or_else(|_| {
            // A server without TLS waits for the rest of what it takes for a command.
            let hint = match access.tls {
                Some(_) => "; if redis speaks no TLS on this port, write `redis://`",
                None => "",
            };
            let seconds = DIAL_TIMEOUT.as_secs();
            Err(Fault::unreached(format!(
                "no answer within {seconds} s{hint}"
            )))
        })
}

async fn open(
    address: &Address,
    access: &Access,
    patience: Option<Duration>,
) -> io::Result<Socket> {
    let (host, port) = match address {
        Address::Unix(path) => return speak(UnixStream::connect(path).await?, patience).await,
        Address::Tcp { host, port } => (host.as_str(), *port),
    };
    let attempts: Vec<BoxFuture<'_, io::Result<TcpStream>>> = tokio::net::lookup_host((host, port))
        .await?
        .map(|address| TcpStream::connect(address).boxed())
        .collect();
    if attempts.is_empty() {
        return Err(io::Error::other(format!("`{host}` has no address")));
    }
    let (stream, _slower_ones) = select_ok(attempts).await?;
    stream.set_nodelay(true)?;
    match &access.tls {
        None => speak(stream, patience).await,
        Some(tls) => speak(tls.wrap(host, stream).await?, patience).await,
    }
}

async fn speak<S>(stream: S, patience: Option<Duration>) -> io::Result<Socket>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let config = AsyncConnectionConfig::new().set_response_timeout(patience);
    // Whoever we are is said afterwards, one command at a time, so that each refusal is known.
    let nobody = RedisConnectionInfo::default().set_skip_set_lib_name();
    let (connection, driver) = MultiplexedConnection::new_with_config(&nobody, stream, config)
        .await
        .map_err(io::Error::other)?;
    Ok(Socket {
        connection,
        driver: Arc::new(Driver(tokio::spawn(driver))),
    })
}

async fn introduce(socket: &mut Socket, address: &Address, access: &Access) -> Result<(), Fault> {
    if access.username.is_some() || access.password.is_some() {
        let mut auth = Cmd::new();
        auth.arg("AUTH");
        if let Some(user) = &access.username {
            auth.arg(user);
        }
        auth.arg(access.password.as_deref().unwrap_or_default());
        match socket.send(&auth).await {
            Err(error) if needs_no_password(&error) => warn!(
                target: "bullrs::conn", redis = %address,
                "the URL has a password, but redis asks for none"
            ),
            reply => check(reply, access)?,
        }
    }
    if access.database != 0 {
        let mut select = Cmd::new();
        select.arg("SELECT").arg(access.database);
        if let Err(error) = socket.send(&select).await {
            check(Err(error.clone()), access)?;
            return Err(Fault::unreached(no_database(&error, access.database)));
        }
    }
    // Proves that it is there and takes us, before anything of the caller's is sent.
    let mut ping = Cmd::new();
    ping.arg("PING");
    check(socket.send(&ping).await, access)
}

/// Whether an answer to an introduction ends it. A server that is loading or a right that is
/// missing does not: the calls that follow will say so.
fn check(reply: RedisResult<Value>, access: &Access) -> Result<(), Fault> {
    let Err(error) = reply else { return Ok(()) };
    let detail = error.detail().unwrap_or_default();
    let explained = match error.code() {
        Some("WRONGPASS") => {
            format!("WRONGPASS redis refuses the user or the password of the URL ({detail})")
        }
        Some("NOAUTH") => {
            "NOAUTH redis requires authentication; write user and password into the URL, as in \
             `redis://user:password@host:port`"
                .into()
        }
        Some("ERR") if detail.contains("max number of clients") => {
            format!("ERR {detail}; raise redis' `maxclients`, or close what keeps connections open")
        }
        Some(_) => return Ok(()),
        None => not_opened(&io::Error::other(error), access),
    };
    Err(Fault::unreached(explained))
}

fn needs_no_password(error: &RedisError) -> bool {
    let detail = error.detail().unwrap_or_default();
    detail.contains("without any password configured") || detail.contains("no password is set")
}

fn no_database(error: &RedisError, database: i64) -> String {
    let detail = error.detail().unwrap_or_default();
    if detail.contains("cluster mode") {
        return format!("a cluster has no databases; leave the `/{database}` of the URL out");
    }
    format!("redis has no database {database} for us ({detail})")
}

/// Says what went wrong with a socket, and where the fault is likely to be.
fn not_opened(error: &io::Error, access: &Access) -> String {
    if access.tls.is_some()
        && let Some(explained) = super::tls::explain(error)
    {
        return explained;
    }
    match root(error) {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
            if access.tls.is_none() =>
        {
            "redis hung up before a word was said; if it wants TLS, write `rediss://`".into()
        }
        _ => error.to_string(),
    }
}

/// The kind of the innermost I/O error: the outer ones are wrappings.
fn root(error: &io::Error) -> io::ErrorKind {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .last()
        .map_or(error.kind(), io::Error::kind)
}

/// An error and everything that it wraps. I/O errors and shared ones hide that from `source`.
pub(super) fn causes(error: &io::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let first: &(dyn Error + 'static) = error;
    std::iter::successors(Some(first), |outer| wrapped(*outer))
}

fn wrapped<'e>(outer: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    if let Some(outer) = outer.downcast_ref::<io::Error>() {
        return outer.get_ref().map(|inner| inner as &(dyn Error + 'static));
    }
    match outer.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
        Some(shared) => Some(&**shared),
        None => outer.source(),
    }
}
