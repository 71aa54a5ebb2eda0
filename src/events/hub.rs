//! One events connection for all who wait for jobs of a queue.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::AbortHandle,
    time::MissedTickBehavior,
};
use tracing::debug;

use super::{Position, QueueEvents, Received};
use crate::{Error, Result, conn::Conn, wire::Event};

/// The hubs of a client: one for each queue that someone waits for.
#[derive(Debug, Default)]
pub(crate) struct Hubs(Mutex<HashMap<String, Weak<Hub>>>);

/// What those who wait for a job are told.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// It has completed, with this JSON text.
    Completed(Arc<str>),
    /// It has failed for good, with this reason.
    Failed(Arc<str>),
    /// It was removed.
    Removed,
    /// Something may have been missed: look at the job.
    Look,
    /// Redis refuses to tell, for good.
    Refused(Arc<str>),
}

/// How often to see whether anyone waits; after two such times of nobody the connection is closed.
const IDLE_CHECK: Duration = Duration::from_secs(5);

type Waiters = HashMap<String, Vec<(u64, mpsc::UnboundedSender<News>)>>;

/// Listens to a queue's events as long as someone waits, and a little longer.
#[derive(Debug)]
struct Hub {
    waiters: Mutex<Waiters>,
    next: AtomicU64,
    /// The role that listens, which keeps the hub alive.
    listener: Mutex<Option<AbortHandle>>,
    /// None until the listener has its position; then how opening went.
    opened: watch::Sender<Option<Result<(), Unopened>>>,
}

/// Why nobody listens.
#[derive(Debug, Clone)]
struct Unopened {
    message: String,
    transient: bool,
}

/// A place among those who wait for a job; dropping it leaves.
#[derive(Debug)]
pub(crate) struct Waiting {
    hub: Arc<Hub>,
    id: String,
    number: u64,
    news: mpsc::UnboundedReceiver<News>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hubs {
    /// Waits for a job of a queue: everything that happens to it from now on is told.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub(crate) async fn wait_for(
        &self,
        conn: &Conn,
        prefix: &str,
        queue: &str,
        id: &str,
    ) -> Result<Waiting> {
        let hub = self.hub(&format!("{prefix}:{queue}"));
        let waiting = hub.enter(id);
        let events = QueueEvents::new(conn.clone(), prefix, queue);
        hub.listen(events);
        let mut opened = hub.opened.subscribe();
        let outcome = opened.wait_for(Option::is_some).await;
        let outcome = outcome.map_err(|_| Error::Closed)?.clone();
        match outcome {
            Some(Err(Unopened { message, transient })) => Err(Error::Redis {
                operation: "QueueEvents",
                message,
                transient,
                ambiguous: false,
            }),
            _ => Ok(waiting),
        }
    }

    fn hub(&self, queue: &str) -> Arc<Hub> {
        let mut hubs = locked(&self.0);
        if let Some(hub) = hubs.get(queue).and_then(Weak::upgrade) {
            return hub;
        }
        hubs.retain(|_, hub| hub.strong_count() > 0);
        let hub = Arc::new(Hub {
            waiters: Mutex::default(),
            next: AtomicU64::new(0),
            listener: Mutex::default(),
            opened: watch::Sender::new(None),
        });
        hubs.insert(queue.to_owned(), Arc::downgrade(&hub));
        hub
    }
}

impl Hub {
    fn enter(self: &Arc<Self>, id: &str) -> Waiting {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (tell, news) = mpsc::unbounded_channel();
        let mut waiters = locked(&self.waiters);
        waiters
            .entry(id.to_owned())
            .or_default()
            .push((number, tell));
        Waiting {
            hub: Arc::clone(self),
            id: id.to_owned(),
            number,
            news,
        }
    }

    /// Starts to listen, unless someone does: a runtime that ended may have taken the role along.
    fn listen(self: &Arc<Self>, events: QueueEvents) {
        let mut listener = locked(&self.listener);
        if listener.as_ref().is_some_and(|role| !role.is_finished()) {
            return;
        }
        self.opened.send_replace(None);
        let role = Listening(Arc::clone(self));
        let role = tokio::spawn(async move {
            if let Err(error) = listen(&role, events).await {
                let message = match &error {
                    Error::Redis { message, .. } => message.clone(),
                    other => other.to_string(),
                };
                let transient = error.is_transient();
                role.0.tell_all(&News::Refused(message.as_str().into()));
                let unopened = Unopened { message, transient };
                role.0.opened.send_replace(Some(Err(unopened)));
            }
        });
        *listener = Some(role.abort_handle());
    }

    fn tell(&self, id: &str, news: &News) {
        if let Some(waiters) = locked(&self.waiters).get(id) {
            for (_, tell) in waiters {
                // Who has left meanwhile needs no news.
                let _left = tell.send(news.clone());
            }
        }
    }

    fn tell_all(&self, news: &News) {
        for (_, tell) in locked(&self.waiters).values().flatten() {
            let _left = tell.send(news.clone());
        }
    }

    fn take(&self, received: Received) {
        if let Received::Gap { .. } | Received::Resumed(_) = received {
            return self.tell_all(&News::Look);
        }
        if let Received::Interrupted(why) = &received {
            debug!(target: "bullrs::events", why, "cannot listen now");
        }
        match received.into_entry().map(|entry| entry.event) {
            Some(Event::Completed {
                job_id,
                returnvalue,
                ..
            }) => self.tell(&job_id, &News::Completed(returnvalue.get().into())),
            Some(Event::Failed {
                job_id,
                failed_reason,
                ..
            }) => self.tell(&job_id, &News::Failed(failed_reason.into())),
            Some(Event::Removed { job_id, .. }) => self.tell(&job_id, &News::Removed),
            // Names no job.
            Some(Event::Cleaned { .. }) => self.tell_all(&News::Look),
            _ => {}
        }
    }

    /// Ends the listening if nobody has come since the `seen`-th, and nobody waits.
    fn is_over(&self, seen: &mut u64) -> bool {
        let came = self.next.load(Ordering::Relaxed);
        let idle = std::mem::replace(seen, came) == came;
        // Whoever enters now finds no listener, and starts one.
        let mut listener = locked(&self.listener);
        let over = idle && locked(&self.waiters).is_empty();
        if over {
            *listener = None;
        }
        over
    }
}

/// The listening role's hold on its hub. However the role ends, those who still wait are told: their
/// channels close, and they begin anew.
struct Listening(Arc<Hub>);

impl Drop for Listening {
    fn drop(&mut self) {
        locked(&self.0.waiters).clear();
    }
}

async fn listen(Listening(hub): &Listening, events: QueueEvents) -> Result<()> {
    let mut stream = events.from(Position::Now).open().await?;
    hub.opened.send_replace(Some(Ok(())));
    let mut ticks = tokio::time::interval(IDLE_CHECK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = 0;
    loop {
        tokio::select! {
            received = stream.next() => match received {
                Some(received) => hub.take(received?),
                None => return Ok(()),
            },
            _ = ticks.tick() => if hub.is_over(&mut seen) {
                return Ok(());
            },
        }
    }
}

impl Drop for Hubs {
    /// Nobody can wait any more: those who do hold the hubs.
    fn drop(&mut self) {
        for hub in locked(&self.0).values().filter_map(Weak::upgrade) {
            if let Some(role) = locked(&hub.listener).take() {
                role.abort();
            }
        }
    }
}

impl Waiting {
    /// What happens next to the job; `None` when nobody listens any more.
    pub(crate) async fn news(&mut self) -> Option<News> {
        self.news.recv().await
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waiters = locked(&self.hub.waiters);
        if let Some(same) = waiters.get_mut(&self.id) {
            same.retain(|(number, _)| *number != self.number);
            if same.is_empty() {
                waiters.remove(&self.id);
            }
        }
    }
}
