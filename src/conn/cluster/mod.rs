//! The way to a cluster: which node serves a slot, and following the keys when they move.
//!
//! A call is sent again only after an answer that says that it was not carried out.

mod parse;
pub(super) mod slot;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use redis::{Cmd, Value};
use tokio::runtime::Handle;

use super::{
    address::Address,
    dial::Access,
    fault::{Fault, Redirect},
    line::{Line, Place},
};
use crate::clock;
use parse::{SlotMap, slot_map};

/// Redirections that one call follows before something must be wrong.
const REDIRECTIONS: u32 = 8;
/// How long a call waits for a slot that is on its way to another node.
const MIGRATION_PATIENCE: Duration = Duration::from_secs(2);
/// Least time between two looks at the map of slots.
const BETWEEN_REFRESHES: Duration = Duration::from_millis(100);
/// How long one node may take to tell the map before another is asked.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(2);

/// All nodes of a cluster, as far as they are known.
pub(super) struct Cluster {
    seeds: Vec<Address>,
    access: Arc<Access>,
    home: Handle,
    healthy: Arc<AtomicBool>,
    map: RwLock<SlotMap>,
    lines: Mutex<HashMap<Address, Arc<Line>>>,
    /// A node said or showed that the map is out of date.
    stale: AtomicBool,
    refreshing: tokio::sync::Mutex<Option<Instant>>,
    refreshes: AtomicU64,
    /// Blocking connections by the id that we gave them: node ids are not unique in a cluster.
    blocked: Mutex<HashMap<i64, (Address, i64)>>,
    last_blocked: AtomicI64,
}

impl Cluster {
    /// Asks the first of `seeds` that answers for the map of slots.
    pub(super) async fn connect(
        seeds: Vec<Address>,
        access: Arc<Access>,
        home: Handle,
        healthy: Arc<AtomicBool>,
    ) -> Result<Self, Fault> {
        let cluster = Self {
            seeds,
            access,
            home,
            healthy,
            map: RwLock::default(),
            lines: Mutex::default(),
            stale: AtomicBool::new(false),
            refreshing: tokio::sync::Mutex::new(None),
            refreshes: AtomicU64::new(0),
            blocked: Mutex::default(),
            last_blocked: AtomicI64::new(0),
        };
        cluster.refresh().await?;
        Ok(cluster)
    }

    /// Sends a command to a node that serves its keys; one without keys to any, or to all.
    pub(super) async fn call(&self, command: &Cmd, slot: Option<u16>) -> Result<Value, Fault> {
        match slot {
            Some(slot) => self.call_slot(slot, command).await,
            None if is_for_all_nodes(command) => self.call_masters(command).await,
            None => self.call_any(command).await,
        }
    }

    /// Sends commands, each to its node, in one round trip for each node.
    pub(super) async fn call_all(
        &self,
        commands: &[Cmd],
        slots: &[Option<u16>],
    ) -> Vec<Result<Value, Fault>> {
        // Commands without keys, such as MULTI, belong to those that they stand between.
        let fallback = slots.iter().flatten().next().copied();
        let mut groups: HashMap<Option<u16>, Vec<usize>> = HashMap::new();
        for (index, slot) in slots.iter().enumerate() {
            groups.entry(slot.or(fallback)).or_default().push(index);
        }
        let sent = groups.into_iter().map(|(slot, indexes)| async move {
            let group: Vec<&Cmd> = indexes.iter().filter_map(|&at| commands.get(at)).collect();
            let replies = match slot {
                Some(slot) => self.call_group(slot, &group).await,
                None => join_all(group.into_iter().map(|command| self.call(command, None))).await,
            };
            indexes.into_iter().zip(replies)
        });
        let mut replies: Vec<_> = join_all(sent).await.into_iter().flatten().collect();
        replies.sort_by_key(|(index, _)| *index);
        replies.into_iter().map(|(_, reply)| reply).collect()
    }

    /// Commands of one slot, in one piece as long as nothing moves.
    async fn call_group(&self, slot: u16, commands: &[&Cmd]) -> Vec<Result<Value, Fault>> {
        let sent = match self.reachable_owner(slot).await {
            Ok(line) => line.call_all(commands.iter().copied()).await,
            Err(fault) => Err(fault),
        };
        let mut replies = match sent {
            Ok(replies) => replies,
            Err(fault) => {
                self.note(&fault);
                return commands.iter().map(|_| Err(fault.clone())).collect();
            }
        };
        let transaction = commands
            .first()
            .is_some_and(|command| is_named(command, "MULTI"));
        for (reply, command) in replies.iter_mut().zip(commands) {
            let Err(fault) = reply else { continue };
            self.note(fault);
            // What was queued of a transaction is not to be sent alone; its EXEC refused it all.
            if fault.redirect.is_some() && !transaction {
                *reply = self.call_slot(slot, command).await;
            }
        }
        replies
    }

    async fn call_slot(&self, slot: u16, command: &Cmd) -> Result<Value, Fault> {
        let began = Instant::now();
        let mut asked: Option<Address> = None;
        let mut redirections = 0;
        loop {
            let sent = match asked.take() {
                Some(address) => self.ask(&address, command).await,
                None => match self.reachable_owner(slot).await {
                    Ok(line) => line.call(command).await,
                    Err(fault) => Err(fault),
                },
            };
            let Err(fault) = sent else { return sent };
            self.note(&fault);
            redirections += 1;
            if fault.try_again && began.elapsed() < MIGRATION_PATIENCE {
                pause(Duration::from_millis(50).mul_f64(0.5 + clock::random())).await;
            } else if let (Some(redirect), true) = (&fault.redirect, redirections <= REDIRECTIONS) {
                if let Redirect::Ask(address) = redirect {
                    asked = Some(address.clone());
                }
            } else {
                return Err(fault);
            }
        }
    }

    /// Sends one command to a node that is about to take its slot over.
    async fn ask(&self, address: &Address, command: &Cmd) -> Result<Value, Fault> {
        let mut asking = Cmd::new();
        asking.arg("ASKING");
        let line = self.line(address);
        let mut replies = line.call_all([&asking, command].into_iter()).await?;
        replies
            .pop()
            .unwrap_or_else(|| Err(Fault::unreached("ASKING had no answer")))
    }

    async fn call_any(&self, command: &Cmd) -> Result<Value, Fault> {
        let mut last = None;
        for address in self.candidates() {
            match self.line(&address).call(command).await {
                Err(fault) if fault.verdict.reconnect && !fault.verdict.ambiguous => {
                    last = Some(fault);
                }
                reply => return reply,
            }
        }
        Err(last.unwrap_or_else(|| Fault::unreached("the cluster has no node")))
    }

    /// For what each node keeps for itself: succeeds when one node took it, as a node that is away
    /// is asked again by whoever needs it there.
    async fn call_masters(&self, command: &Cmd) -> Result<Value, Fault> {
        let masters = self.map().masters.clone();
        let replies = join_all(
            masters
                .iter()
                .map(|address| async { self.line(address).call(command).await }),
        );
        let mut answer = Err(Fault::unreached("the cluster has no master"));
        for reply in replies.await {
            if answer.is_err() {
                answer = reply;
            }
        }
        answer
    }

    /// The node that serves a slot, connected. Nothing was sent yet, so where it is away and the
    /// cluster knows a successor, that one is taken.
    pub(super) async fn reachable_owner(&self, slot: u16) -> Result<Arc<Line>, Fault> {
        if self.stale.load(Ordering::Relaxed) {
            // With the old map there is a chance still; the call will tell.
            let _tried = self.refresh().await;
        }
        if self.owner(slot).is_none() {
            self.refresh().await?;
        }
        let owner = self.owner(slot).ok_or_else(|| not_served(slot))?;
        let line = self.line(&owner);
        let Err(fault) = line.live().await else {
            return Ok(line);
        };
        self.refresh().await?;
        match self.owner(slot) {
            Some(successor) if successor != owner => Ok(self.line(&successor)),
            _ => Err(Fault {
                message: format!("node {owner}: {}", fault.message),
                ..fault
            }),
        }
    }

    pub(super) fn owner(&self, slot: u16) -> Option<Address> {
        self.map().owner(slot).cloned()
    }

    /// Learns from a refusal.
    pub(super) fn note(&self, fault: &Fault) {
        match &fault.redirect {
            Some(Redirect::Moved(slot, address)) => {
                self.map
                    .write()
                    .unwrap_or_else(PoisonError::into_inner)
                    .set_owner(*slot, address);
                self.stale.store(true, Ordering::Relaxed);
            }
            None if fault.verdict.reconnect || fault.message.starts_with("CLUSTERDOWN") => {
                self.stale.store(true, Ordering::Relaxed);
            }
            Some(Redirect::Ask(_)) | None => {}
        }
    }

    /// The line to a node; there is one for each.
    pub(super) fn line(&self, address: &Address) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.entry(address.clone()).or_insert_with(|| {
            Arc::new(Line::new(
                Place::Fixed(address.clone()),
                Arc::clone(&self.access),
                address.to_string(),
                self.home.clone(),
                Arc::clone(&self.healthy),
            ))
        });
        Arc::clone(line)
    }

    /// Every node that may be there, the likeliest first.
    fn candidates(&self) -> Vec<Address> {
        let mut candidates = self.map().nodes.clone();
        for seed in &self.seeds {
            if !candidates.contains(seed) {
                candidates.push(seed.clone());
            }
        }
        if !candidates.is_empty() {
            // Not all clients ask the same node first.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a place in a short list"
            )]
            let first = (clock::random() * candidates.len() as f64) as usize % candidates.len();
            candidates.rotate_left(first);
        }
        candidates.sort_by_cached_key(|address| self.line(address).unlikelihood());
        candidates
    }

    /// Learns the map of slots anew; callers at the same time share one look.
    async fn refresh(&self) -> Result<(), Fault> {
        let before = self.refreshes.load(Ordering::Acquire);
        let mut last = self.refreshing.lock().await;
        if self.refreshes.load(Ordering::Acquire) != before {
            return Ok(());
        }
        if let Some(wait) = last.and_then(|last| BETWEEN_REFRESHES.checked_sub(last.elapsed())) {
            pause(wait.mul_f64(0.5 + clock::random() / 2.0)).await;
        }
        let mut faults = Vec::new();
        for address in self.candidates() {
            let asked = tokio::time::timeout(REFRESH_TIMEOUT, self.ask_for_map(&address)).await;
            let asked = asked.unwrap_or_else(|_| Err(Fault::unreached("no answer within 2 s")));
            match asked {
                Ok(map) => {
                    self.install(map);
                    *last = Some(Instant::now());
                    self.refreshes.fetch_add(1, Ordering::AcqRel);
                    return Ok(());
                }
                Err(fault) => faults.push((address, fault)),
            }
        }
        *last = Some(Instant::now());
        let told: Vec<String> = faults
            .iter()
            .map(|(address, fault)| format!("{address}: {}", fault.message))
            .collect();
        Err(Fault::unreached(format!(
            "no node of the cluster tells its slots ({})",
            told.join("; ")
        )))
    }

    async fn ask_for_map(&self, address: &Address) -> Result<SlotMap, Fault> {
        let mut slots = Cmd::new();
        slots.arg("CLUSTER").arg("SLOTS");
        let reply = self.line(address).call(&slots).await?;
        slot_map(&reply, address)
            .filter(|map| !map.nodes.is_empty())
            .ok_or_else(|| Fault::unreached("it serves no slots; is it part of a cluster yet?"))
    }

    fn install(&self, map: SlotMap) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|address, _| map.nodes.contains(address) || self.seeds.contains(address));
        drop(lines);
        *self.map.write().unwrap_or_else(PoisonError::into_inner) = map;
        self.stale.store(false, Ordering::Relaxed);
    }

    fn map(&self) -> std::sync::RwLockReadGuard<'_, SlotMap> {
        self.map.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn blocked(&self) -> MutexGuard<'_, HashMap<i64, (Address, i64)>> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An id under which a blocking connection is known to us.
    pub(super) fn blocked_id(&self) -> i64 {
        self.last_blocked.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Notes where the blocking connection with our id is now, or that it is gone.
    pub(super) fn set_blocked(&self, id: i64, place: Option<(Address, i64)>) {
        match place {
            Some(place) => self.blocked().insert(id, place),
            None => self.blocked().remove(&id),
        };
    }

    /// Ends the blocking command of the connection with our id.
    pub(super) async fn unblock(&self, id: i64) -> Result<Value, Fault> {
        let Some((address, client)) = self.blocked().get(&id).cloned() else {
            return Ok(Value::Int(0));
        };
        let mut unblock = Cmd::new();
        unblock.arg("CLIENT").arg("UNBLOCK").arg(client);
        self.line(&address).call(&unblock).await
    }
}

async fn pause(time: Duration) {
    tokio::time::sleep_until((Instant::now() + time).into()).await;
}

fn not_served(slot: u16) -> Fault {
    Fault::unreached(format!(
        "no node of the cluster serves slot {slot}; `redis-cli --cluster check` says why"
    ))
}

fn is_named(command: &Cmd, name: &str) -> bool {
    command.args_iter().next().is_some_and(|word| {
        matches!(word, redis::Arg::Simple(word) if word.eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// What every master must know for itself.
fn is_for_all_nodes(command: &Cmd) -> bool {
    is_named(command, "SCRIPT")
}
