//! The way to one server: a connection that is dialled when needed and shared by all calls.

use std::{
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use redis::{Cmd, Pipeline, RedisResult, Value};
use tokio::{
    runtime::Handle,
    sync::{Mutex, watch},
};
use tracing::info;

use super::{
    address::Address,
    dial::{Access, Socket, dial},
    fault::Fault,
    gate::Gate,
    sentinel::Sentinels,
};
use crate::clock;

/// How often sentinels are asked whether there is another master.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Where the server of a line is.
pub(super) enum Place {
    Fixed(Address),
    /// Wherever the sentinels say the master is now.
    Master(Sentinels),
}

impl Place {
    async fn dial(&self, access: &Access, patience: Option<Duration>) -> Result<Live, Fault> {
        match self {
            Self::Fixed(address) => Ok(Live {
                generation: 0,
                socket: dial(address, access, patience).await?,
                address: address.clone(),
            }),
            Self::Master(sentinels) => {
                let address = sentinels.master().await?;
                let mut socket = dial(&address, access, patience)
                    .await
                    .map_err(|mut fault| {
                        fault.message = format!("master {address}: {}", fault.message);
                        fault
                    })?;
                sentinels.check_master(&mut socket, &address).await?;
                Ok(Live {
                    generation: 0,
                    socket,
                    address,
                })
            }
        }
    }
}

/// A connection that was open when last looked at.
#[derive(Clone)]
pub(super) struct Live {
    generation: u64,
    socket: Socket,
    /// Whom it leads to.
    pub(super) address: Address,
}

/// One server's shared connection. It retries nothing.
pub(super) struct Line {
    place: Arc<Place>,
    access: Arc<Access>,
    /// Where sockets are driven: a runtime that the users' handlers cannot block.
    home: Handle,
    live: RwLock<Option<Live>>,
    /// The fault of the last dialling, for those who waited for it.
    dialling: Mutex<Option<Fault>>,
    diallings: AtomicU64,
    gate: Gate,
    healthy: Arc<AtomicBool>,
    /// Whom the last connection led to.
    server: watch::Sender<Option<Address>>,
}

impl Line {
    pub(super) fn new(
        place: Place,
        access: Arc<Access>,
        shown: String,
        home: Handle,
        healthy: Arc<AtomicBool>,
    ) -> Self {
        Self {
            place: Arc::new(place),
            access,
            home,
            live: RwLock::new(None),
            dialling: Mutex::new(None),
            diallings: AtomicU64::new(0),
            gate: Gate::new(shown),
            healthy,
            server: watch::Sender::new(None),
        }
    }

    /// How unlikely it is that the server answers now: 0 when it is connected.
    pub(super) fn unlikelihood(&self) -> u8 {
        match (self.current(), self.gate.opens_at()) {
            (Some(_), None) => 0,
            (_, None) => 1,
            (_, Some(_)) => 2,
        }
    }

    pub(super) async fn call(&self, command: &Cmd) -> Result<Value, Fault> {
        let mut live = self.live().await?;
        let reply = live.socket.send(command).await;
        self.settle(&live, reply)
    }

    /// Sends commands in one piece; each has its own outcome.
    pub(super) async fn call_all<'c>(
        &self,
        commands: impl ExactSizeIterator<Item = &'c Cmd>,
    ) -> Result<Vec<Result<Value, Fault>>, Fault> {
        let mut pipeline = Pipeline::with_capacity(commands.len());
        for command in commands {
            pipeline.add_command(command.clone());
        }
        let mut live = self.live().await?;
        let replies = live.socket.send_all(&pipeline).await;
        let replies = self.settle(&live, replies)?;
        Ok(replies
            .into_iter()
            .map(|reply| self.settle(&live, reply))
            .collect())
    }

    /// Opens another connection to the same server, on which a reply may take forever.
    pub(super) async fn another(&self) -> Result<Live, Fault> {
        // It shares the wait for a server that is away, and learns where a master is.
        let live = self.live().await?;
        let place = match &*self.place {
            Place::Fixed(address) => address.clone(),
            Place::Master(_) => live.address,
        };
        let access = Arc::clone(&self.access);
        let dialling = self
            .home
            .spawn(async move { Place::Fixed(place).dial(&access, None).await });
        dialling.await.unwrap_or_else(|_| Err(gone()))
    }

    fn settle<T>(&self, live: &Live, reply: RedisResult<T>) -> Result<T, Fault> {
        match reply {
            Ok(value) => {
                self.gate.succeeded();
                self.healthy.store(true, Ordering::Relaxed);
                Ok(value)
            }
            Err(error) => {
                let fault = Fault::of(&error, &live.address);
                if fault.verdict.reconnect {
                    if self.drop_generation(live.generation) {
                        self.gate.failed(&fault.message);
                    }
                } else if !fault.verdict.transient {
                    self.gate.succeeded();
                }
                if fault.verdict.transient && fault.redirect.is_none() {
                    self.healthy.store(false, Ordering::Relaxed);
                }
                Err(fault)
            }
        }
    }

    /// Whether this call was the one to drop it.
    fn drop_generation(&self, generation: u64) -> bool {
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        let current = live
            .as_ref()
            .is_some_and(|live| live.generation == generation);
        if current {
            *live = None;
        }
        current
    }

    fn current(&self) -> Option<Live> {
        self.live
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .filter(|live| !live.socket.is_closed())
            .cloned()
    }

    /// The live connection; dials when there is none. Callers share one dialling and its outcome.
    pub(super) async fn live(&self) -> Result<Live, Fault> {
        if let Some(live) = self.current() {
            return Ok(live);
        }
        let before = self.diallings.load(Ordering::Acquire);
        let mut last_fault = self.dialling.lock().await;
        if let Some(live) = self.current() {
            return Ok(live);
        }
        if self.diallings.load(Ordering::Acquire) != before
            && let Some(fault) = &*last_fault
        {
            return Err(fault.clone());
        }
        let (place, access) = (Arc::clone(&self.place), Arc::clone(&self.access));
        let patience = self.access.patience;
        let opens_at = self.gate.opens_at();
        // On the home runtime, because a socket's driver runs where it was dialled.
        let dialling = self.home.spawn(async move {
            if let Some(at) = opens_at {
                tokio::time::sleep_until(at.into()).await;
            }
            place.dial(&access, Some(patience)).await
        });
        let dialled = dialling.await.unwrap_or_else(|_| Err(gone()));
        match dialled {
            Ok(live) => {
                *last_fault = None;
                Ok(self.install(live))
            }
            Err(fault) => {
                self.diallings.fetch_add(1, Ordering::AcqRel);
                self.gate.failed(&fault.message);
                self.healthy.store(false, Ordering::Relaxed);
                *last_fault = Some(fault.clone());
                Err(fault)
            }
        }
    }
}

/// Looks after the master, as sentinels know it, for as long as its line is used.
///
/// A master that is replaced in good order serves its clients until the sentinels come round to
/// demoting it, which may take ten seconds; what is written to it meanwhile is lost.
pub(super) async fn follow_master(line: Weak<Line>) {
    loop {
        let wait = LOOK_EVERY.mul_f64(0.75 + clock::random() / 2.0);
        tokio::time::sleep_until((Instant::now() + wait).into()).await;
        let Some(line) = line.upgrade() else { return };
        line.look_for_successor().await;
    }
}

impl Line {
    async fn look_for_successor(&self) {
        // Without a connection the next call asks.
        let (Place::Master(sentinels), Some(live)) = (&*self.place, self.current()) else {
            return;
        };
        let found = sentinels.master().await;
        if !found.is_ok_and(|master| master != live.address) {
            return;
        }
        // Only for one that says that it is master: a sentinel may be behind its peers.
        if let Ok(successor) = self
            .place
            .dial(&self.access, Some(self.access.patience))
            .await
            && successor.address != live.address
        {
            info!(
                target: "bullrs::conn", master = %successor.address, before = %live.address,
                "redis has another master"
            );
            self.install(successor);
        }
    }

    fn install(&self, live: Live) -> Live {
        let generation = self.diallings.fetch_add(1, Ordering::AcqRel) + 1;
        let live = Live { generation, ..live };
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Some(live.clone());
        self.server.send_replace(Some(live.address.clone()));
        live
    }

    /// Waits until this line leads to another server than `address`.
    pub(super) async fn leads_elsewhere(&self, address: &Address) {
        let elsewhere = |server: &Option<Address>| server.as_ref().is_some_and(|s| s != address);
        // The sender is a part of this very line.
        let mut server = self.server.subscribe();
        let _never_closed = server.wait_for(elsewhere).await;
    }
}

impl Live {
    pub(super) fn into_socket(self) -> Socket {
        self.socket
    }
}

/// The runtime on which sockets were driven has ended.
fn gone() -> Fault {
    let mut fault = Fault::unreached("the runtime of this connection has ended");
    fault.verdict.transient = false;
    fault
}
