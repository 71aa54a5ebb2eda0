//! Connections to Redis: one shared one for commands, named blocking ones on demand (WIRE §5.2).

mod address;
mod blocking;
mod check;
mod classify;
mod cluster;
mod dial;
mod fault;
mod gate;
mod line;
mod options;
mod sentinel;
mod server;
mod tls;
mod url;

pub(crate) use blocking::{Blocking, Popped};
pub use options::ConnectionOptions;
pub use server::ServerInfo;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use redis::{Cmd, Value};
use tokio::runtime::Handle;
use tracing::warn;

use crate::{Error, Result};
use address::Address;
use cluster::{Cluster, slot};
use dial::Access;
use fault::Fault;
use line::{Line, Place};
use options::Route;
use sentinel::Sentinels;

/// The shared command connection of a process. Cheap to clone; dials again by itself.
///
/// It retries nothing that may have been carried out: a call that fails says whether it may be
/// repeated ([`Error::is_transient`]) and whether it may have been carried out
/// ([`Error::is_ambiguous`]).
#[derive(Clone)]
pub struct Conn(Arc<Inner>);

struct Inner {
    options: ConnectionOptions,
    way: Way,
    healthy: Arc<AtomicBool>,
    home: Handle,
}

/// How calls reach the server that is to carry them out.
#[derive(Clone)]
enum Way {
    /// There is one, fixed or found by sentinels.
    One(Arc<Line>),
    /// It depends on their keys.
    Cluster(Arc<Cluster>),
}

impl Conn {
    /// Dials and authenticates. Sockets are driven by the runtime this is called on.
    ///
    /// # Errors
    /// When no server can be reached or it refuses the credentials.
    pub async fn connect(options: ConnectionOptions) -> Result<Self> {
        options.check_files()?;
        if options.is_insecure() {
            warn!(
                target: "bullrs::conn", redis = %options,
                "anyone may pose as redis: its certificate is not checked (insecure=true)"
            );
        }
        let home = Handle::current();
        let healthy = Arc::new(AtomicBool::new(false));
        let way = Way::to(&options, &home, &healthy)
            .await
            .map_err(|fault| fault.into_error("connect"))?;
        Ok(Self(Arc::new(Inner {
            options,
            way,
            healthy,
            home,
        })))
    }

    /// The options it was made with.
    pub fn options(&self) -> &ConnectionOptions {
        &self.0.options
    }

    /// Whether the last call reached a server that could carry it out.
    pub fn is_healthy(&self) -> bool {
        self.0.healthy.load(Ordering::Relaxed)
    }

    /// Whether calls go to the nodes of a cluster.
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.0.way, Way::Cluster(_))
    }

    /// Sends one command.
    pub(crate) async fn call(&self, operation: &'static str, command: &Cmd) -> Result<Value> {
        let reply = match &self.0.way {
            Way::One(line) => line.call(command).await,
            Way::Cluster(cluster) => cluster.call(command, slot::of_command(command)?).await,
        };
        reply.map_err(|fault| fault.into_error(operation))
    }

    /// Sends commands in one round trip, without a transaction; each has its own outcome.
    ///
    /// On a cluster they go to each node in one round trip.
    pub(crate) async fn call_all(
        &self,
        operation: &'static str,
        commands: &[Cmd],
    ) -> Result<Vec<Result<Value>>> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let replies = match &self.0.way {
            Way::One(line) => line
                .call_all(commands.iter())
                .await
                .map_err(|fault| fault.into_error(operation))?,
            Way::Cluster(cluster) => {
                let slots: Result<Vec<Option<u16>>> =
                    commands.iter().map(slot::of_command).collect();
                cluster.call_all(commands, &slots?).await
            }
        };
        let outcome = |reply: Result<Value, Fault>| reply.map_err(|f| f.into_error(operation));
        Ok(replies.into_iter().map(outcome).collect())
    }

    /// Ends the blocking command of the connection with this id.
    pub(crate) async fn unblock(&self, client_id: i64) -> Result<()> {
        let reply = match &self.0.way {
            Way::One(line) => {
                let mut unblock = Cmd::new();
                unblock.arg("CLIENT").arg("UNBLOCK").arg(client_id);
                line.call(&unblock).await
            }
            Way::Cluster(cluster) => cluster.unblock(client_id).await,
        };
        reply
            .map(drop)
            .map_err(|fault| fault.into_error("CLIENT UNBLOCK"))
    }

    /// Dials a connection of its own for blocking commands, with this client name.
    pub(crate) async fn blocking(&self, name: String) -> Result<Blocking> {
        let way = self.0.way.clone();
        let dialling = self.0.home.spawn(async move {
            match way {
                Way::One(line) => Blocking::dial(line, &name).await,
                Way::Cluster(cluster) => Blocking::dial_cluster(cluster, &name).await,
            }
        });
        dialling
            .await
            .map_err(|_| Error::Closed)?
            .map_err(|fault| fault.into_error("connect"))
    }
}

impl Way {
    async fn to(
        options: &ConnectionOptions,
        home: &Handle,
        healthy: &Arc<AtomicBool>,
    ) -> Result<Self, Fault> {
        let access = Arc::new(options.access.clone());
        let line = |place| {
            let (access, healthy) = (Arc::clone(&access), Arc::clone(healthy));
            Arc::new(Line::new(
                place,
                access,
                options.to_string(),
                home.clone(),
                healthy,
            ))
        };
        let cluster = |seeds| {
            let (access, healthy) = (Arc::clone(&access), Arc::clone(healthy));
            Cluster::connect(seeds, access, home.clone(), healthy)
        };
        match &options.route {
            Route::Cluster(seeds) => Ok(Self::Cluster(Arc::new(cluster(seeds.clone()).await?))),
            Route::Sentinels {
                addresses,
                access,
                master,
            } => {
                let access: Access = options.sentinel_access(access);
                let sentinels = Sentinels::new(addresses.clone(), access, master.clone());
                let line = line(Place::Master(sentinels));
                line.live().await?;
                home.spawn(line::follow_master(Arc::downgrade(&line)));
                Ok(Self::One(line))
            }
            Route::One(address) => {
                let line = line(Place::Fixed(address.clone()));
                line.live().await?;
                if matches!(address, Address::Tcp { .. }) && is_node_of_cluster(&line).await {
                    return Ok(Self::Cluster(Arc::new(
                        cluster(vec![address.clone()]).await?,
                    )));
                }
                Ok(Self::One(line))
            }
        }
    }
}

/// Whether a server belongs to a cluster whose other nodes have to be found. One that does not
/// say is taken for a single one.
async fn is_node_of_cluster(line: &Line) -> bool {
    let mut info = Cmd::new();
    info.arg("INFO").arg("cluster");
    match line.call(&info).await {
        Ok(Value::BulkString(text)) => String::from_utf8_lossy(&text)
            .lines()
            .any(|line| line.trim() == "cluster_enabled:1"),
        _ => false,
    }
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conn")
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}
