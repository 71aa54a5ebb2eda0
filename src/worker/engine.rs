//! The thread that talks to Redis for all queues of a worker; no user code runs on it.

use std::{
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{
    Observer, Processor, Report, WorkerOptions,
    canceller::Canceller,
    control::{Control, Phase, Shared, Stop, Tally},
    executor::Execution,
    fetcher::{Fetcher, Settings},
    health::{Pulse, beat},
    lane::Lane,
    lock_keeper::LockKeeper,
    order::Order,
    port::RedisPort,
    shared_waiter::SharedWaiter,
    slots::Slots,
    stall_checker::StallChecker,
    strategy::Strategies,
    ticker::Ticker,
    verdict::Rules,
    waiter::{SharedWait, Waiter},
};
use crate::{
    Result,
    conn::{Conn, ConnectionOptions},
    script::call::Batch,
    wire::QueueKeys,
};

/// How long a stopping worker tries to hand back what still runs.
const RELEASE_TIME: Duration = Duration::from_secs(5);
/// The same after a second signal.
const RELEASE_TIME_NOW: Duration = Duration::from_secs(1);

/// Everything the engine needs; moves to its thread.
pub(super) struct Engine {
    pub(super) connection: ConnectionOptions,
    pub(super) options: WorkerOptions,
    /// One for each of the options' queues, in their order.
    pub(super) processors: Vec<Arc<dyn Processor>>,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) strategies: Strategies,
    pub(super) handlers: Handle,
}

/// How the queues wait for their markers.
struct Waiting {
    /// One for each queue.
    waiters: Vec<Waiter>,
    /// The role behind them, where they share a connection.
    shared: Option<SharedWaiter>,
}

impl Engine {
    /// Connects, says so through `booted`, and serves until the worker has stopped.
    pub(super) async fn run(
        self,
        booted: oneshot::Sender<Result<Control>>,
        finished: oneshot::Sender<Report>,
    ) {
        let started = Instant::now();
        let (lanes, waiting, shared) = match self.boot().await {
            Ok(parts) => parts,
            Err(error) => {
                let _caller_gave_up = booted.send(Err(error));
                return;
            }
        };
        let roles_stop = CancellationToken::new();
        let mut roles = JoinSet::new();
        let mut fetchers = JoinSet::new();
        self.spawn_roles(&lanes, waiting, &roles_stop, &mut roles, &mut fetchers);
        shared.ready.store(true, Ordering::Relaxed);
        let _caller_gave_up = booted.send(Ok(Control(Arc::clone(&shared))));

        supervise(
            &mut fetchers,
            &shared,
            self.options.drain,
            self.options.cancel_grace,
        )
        .await;
        shared.ready.store(false, Ordering::Relaxed);
        roles_stop.cancel();
        for lane in &lanes {
            let left = lane.count();
            shared
                .tally
                .abandoned
                .fetch_add(left as u64, Ordering::Relaxed);
            if left > 0 {
                error!(
                    target: "bullrs::worker", queue = &*lane.queue, jobs = left,
                    "left jobs in active; a stalled check hands them back once their lock expires"
                );
            }
        }
        while roles.join_next().await.is_some() {}
        let report = shared.report(started.elapsed());
        info!(
            target: "bullrs::worker",
            completed = report.completed, failed = report.failed, retried = report.retried,
            released = report.released, lost = report.lost, abandoned = report.abandoned,
            "stopped"
        );
        let _nobody_waits = finished.send(report);
    }

    async fn boot(&self) -> Result<(Vec<Rc<Lane>>, Waiting, Arc<Shared>)> {
        let conn = Conn::connect(self.connection.clone()).await?;
        conn.check_server().await?;
        let queues = self.options.queues.iter();
        let queues = queues.map(|queue| QueueKeys::new(&self.options.prefix, &queue.name));
        let shared = Arc::new(Shared {
            pulse: Pulse::new(queues.collect::<Result<_>>()?),
            phase: watch::Sender::new(Phase::Running),
            paused: watch::Sender::new(false),
            concurrency: self
                .options
                .queues
                .iter()
                .map(|queue| {
                    let most = watch::Sender::new(queue.concurrency);
                    (Arc::from(queue.name.as_str()), most)
                })
                .collect(),
            stop: watch::Sender::new(Stop::No),
            tally: Tally::default(),
            ready: AtomicBool::new(false),
            held: Mutex::default(),
            conn: conn.clone(),
        });
        let mut lanes = Vec::new();
        let mut names = Vec::new();
        for (index, processor) in self.processors.iter().enumerate() {
            let Some(queue) = self.options.queues.get(index) else {
                continue;
            };
            let keys = QueueKeys::new(&self.options.prefix, &queue.name)?;
            let name = keys.client_name(self.options.name.as_deref())?;
            conn.check_queue(&keys).await?;
            names.push((name, keys.key("marker")));
            lanes.push(self.lane(&conn, keys, index, processor, &shared));
        }
        let waiting = self.waiting(&conn, names).await?;
        Ok((lanes, waiting, shared))
    }

    /// Dials the blocking connections: one for each queue, or one for all.
    async fn waiting(&self, conn: &Conn, names: Vec<(String, String)>) -> Result<Waiting> {
        if !self.options.share_blocking {
            let mut waiters: Vec<Waiter> = names
                .into_iter()
                .map(|(name, marker)| Waiter::own(conn.clone(), name, marker))
                .collect();
            try_join_all(waiters.iter_mut().map(Waiter::dial)).await?;
            return Ok(Waiting {
                waiters,
                shared: None,
            });
        }
        let (requests, incoming) = mpsc::unbounded_channel();
        let waiters = (0..names.len())
            .map(|place| {
                Waiter::Shared(SharedWait {
                    place,
                    requests: requests.clone(),
                })
            })
            .collect();
        let name = names
            .first()
            .map(|(name, _)| name.clone())
            .unwrap_or_default();
        let markers = names.into_iter().map(|(_, marker)| marker).collect();
        let mut shared = SharedWaiter::new(conn.clone(), name, markers, incoming);
        shared.dial().await?;
        Ok(Waiting {
            waiters,
            shared: Some(shared),
        })
    }

    fn lane(
        &self,
        conn: &Conn,
        keys: QueueKeys,
        index: usize,
        processor: &Arc<dyn Processor>,
        shared: &Arc<Shared>,
    ) -> Rc<Lane> {
        let options = &self.options;
        let queue = options
            .queues
            .get(index)
            .cloned()
            .unwrap_or_else(|| super::QueueOptions::new(keys.queue()));
        let lock_base: Arc<str> = uuid::Uuid::new_v4().to_string().into();
        let batch = Batch::new(
            &keys,
            Arc::clone(&lock_base),
            options.lock_duration,
            queue.limiter,
            options.name.as_deref(),
            options.metrics,
        );
        let execution = Execution {
            queue: keys.queue_name(),
            options: queue,
            rules: Rules {
                default_attempts: options.default_attempts,
                remove_on_complete: options.remove_on_complete,
                remove_on_fail: options.remove_on_fail,
                max_started_attempts: options.max_started_attempts,
                strategies: self.strategies.clone(),
            },
            processor: Arc::clone(processor),
            observer: self.observer.clone(),
            ticker: Ticker::new(conn.clone(), keys.clone()),
            port: Arc::new(RedisPort::new(conn.clone(), keys.clone())),
            cancel_grace: options.cancel_grace,
        };
        Lane::new(
            conn.clone(),
            keys,
            batch,
            lock_base,
            options.lock_duration,
            Arc::new(execution),
            Arc::clone(shared),
        )
    }

    fn spawn_roles(
        &self,
        lanes: &[Rc<Lane>],
        waiting: Waiting,
        stop: &CancellationToken,
        roles: &mut JoinSet<()>,
        fetchers: &mut JoinSet<()>,
    ) {
        let options = &self.options;
        if let Some(shared) = waiting.shared {
            roles.spawn_local(shared.run(stop.clone()));
        }
        if let Some(lane) = lanes.first() {
            roles.spawn_local(beat(Arc::clone(&lane.shared), stop.clone()));
        }
        roles.spawn_local(Canceller::new(lanes).run(stop.clone()));
        let weights = options.queues.iter().map(|queue| queue.weight);
        let slots = Slots::of(options.total_concurrency, weights);
        let orders = Order::of(lanes.len(), options.strict);
        for (((lane, waiter), order), slots) in
            lanes.iter().zip(waiting.waiters).zip(orders).zip(slots)
        {
            let settings = Settings {
                drain_delay: options.drain_delay,
                maximum_rate_limit_delay: options.maximum_rate_limit_delay,
                burst: options.burst,
            };
            let fetcher = Fetcher::new(
                Rc::clone(lane),
                settings,
                slots,
                order,
                self.handlers.clone(),
                waiter,
            );
            fetchers.spawn_local(fetcher.run());
            let keeper = LockKeeper {
                lane: Rc::clone(lane),
                renews: !options.skip_lock_renewal,
            };
            roles.spawn_local(keeper.run(stop.clone()));
            if options.skip_stalled_check {
                continue;
            }
            let checker = StallChecker {
                lane: Rc::clone(lane),
                interval: options.stalled_interval,
                most: options.max_stalled_count,
            };
            roles.spawn_local(checker.run(stop.clone()));
        }
    }
}

/// Waits for the fetchers to end; walks a stop through its phases (DESIGN: shutdown).
async fn supervise(
    fetchers: &mut JoinSet<()>,
    shared: &Shared,
    drain: Duration,
    cancel_grace: Duration,
) {
    let mut stop = shared.stop.subscribe();
    if *stop.borrow() > Stop::No {
        // Told to stop before we listened.
        stop.mark_changed();
    }
    let mut deadline: Option<Instant> = None;
    loop {
        let timer = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = fetchers.join_next() => match ended {
                None => return,
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    error!(target: "bullrs::worker", %error, "a fetcher died; the worker stops");
                    deadline = Some(enter(shared, Phase::Releasing, RELEASE_TIME));
                }
            },
            _ = stop.changed() => {
                deadline = Some(match *stop.borrow_and_update() {
                    Stop::Now => enter(shared, Phase::Releasing, RELEASE_TIME_NOW),
                    _ => enter(shared, Phase::Draining, drain),
                });
            }
            () = timer => {
                deadline = Some(match shared.phase() {
                    Phase::Running | Phase::Draining => {
                        enter(shared, Phase::Cancelling, cancel_grace + Duration::from_millis(100))
                    }
                    Phase::Cancelling => enter(shared, Phase::Releasing, RELEASE_TIME),
                    Phase::Releasing | Phase::Abandoning => {
                        enter(shared, Phase::Abandoning, RELEASE_TIME)
                    }
                });
            }
        }
    }
}

/// Moves on to a phase, never back, and gives its deadline.
fn enter(shared: &Shared, phase: Phase, time: Duration) -> Instant {
    shared.phase.send_if_modified(|now| {
        let further = phase > *now;
        *now = phase.max(*now);
        further
    });
    Instant::now() + time
}
