//! Takes the next job, at once or as soon as there is one.

use std::{
    fmt,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, sync::oneshot};
use tracing::{debug, error, warn};

use super::{HeldJob, Post};
use crate::{
    Error, Result, clock,
    conn::{Blocking, Conn, Popped},
    script::call,
    wire::QueueKeys,
    worker::WorkerOptions,
};

/// Longest wait for a marker while a delayed job's time is known (WIRE §5.3).
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Redis takes a shorter wait for none at all, which is for ever.
const SHORTEST_WAIT: Duration = Duration::from_millis(2);

/// Takes jobs of a queue by hand, as stock's `Worker.getNextJob` does.
///
/// ```no_run
/// # async fn example(client: bullrs::Client) -> bullrs::Result<()> {
/// let mut fetcher = client.fetcher("images").open().await?;
/// loop {
///     let mut job = fetcher.next().await?;
///     match job.data::<u32>() {
///         Ok(width) => job.move_to_completed(&(width * 2)).await?,
///         Err(error) => drop(job.move_to_failed(error).await?),
///     }
/// }
/// # }
/// ```
pub struct Fetcher {
    post: Arc<Post>,
    options: WorkerOptions,
    token: Tokens,
    blocking: Option<Blocking>,
    /// A wake-up that was popped and not yet followed by a claim.
    popped: Option<Wake>,
    limited_until: Option<Instant>,
}

/// Where the values of locks come from.
#[derive(Debug)]
enum Tokens {
    Fixed(String),
    Numbered { base: String, next: u64 },
}

/// What taking a job gave.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fetched {
    /// A job, which is now `active` and locked.
    Job(HeldJob),
    /// The queue is rate limited for so long.
    RateLimited(Duration),
    /// No job is ready, or the queue is paused or at its global concurrency.
    Nothing {
        /// When the next delayed job is due, in ms since 1970, if one is known of.
        next_due: Option<i64>,
    },
}

impl Fetched {
    /// The job, if there is one.
    pub fn into_job(self) -> Option<HeldJob> {
        match self {
            Self::Job(job) => Some(job),
            Self::RateLimited(_) | Self::Nothing { .. } => None,
        }
    }
}

impl Fetcher {
    pub(super) fn new(
        post: Arc<Post>,
        blocking: Blocking,
        options: WorkerOptions,
        token: Option<String>,
    ) -> Self {
        let token = token.map_or_else(
            || Tokens::Numbered {
                base: uuid::Uuid::new_v4().to_string(),
                next: 0,
            },
            Tokens::Fixed,
        );
        Self {
            post,
            options,
            token,
            blocking: Some(blocking),
            popped: None,
            limited_until: None,
        }
    }

    /// Takes the next job, waiting until there is one.
    ///
    /// Cancel safe: a job or a wake-up that came while the future was dropped goes back.
    ///
    /// # Errors
    /// When Redis cannot be reached; the fetcher stays of use. A job whose claim was cut off with
    /// the connection is found by a stalled check once its lock has expired.
    pub async fn next(&mut self) -> Result<HeldJob> {
        loop {
            if let Some(until) = self.limited_until {
                let longest = Instant::now() + self.options.maximum_rate_limit_delay;
                tokio::time::sleep_until(until.min(longest).into()).await;
                self.limited_until = None;
            }
            match self.try_next().await? {
                Fetched::Job(job) => return Ok(job),
                Fetched::RateLimited(window) => {
                    self.limited_until = Some(Instant::now() + window);
                }
                Fetched::Nothing { next_due } => self.wait(next_due).await?,
            }
        }
    }

    /// Takes the next job if there is one, without waiting.
    ///
    /// Cancel safe, as [`next`](Self::next).
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn try_next(&mut self) -> Result<Fetched> {
        let token = self.token.next();
        let post = Arc::clone(&self.post);
        let (give, given) = oneshot::channel();
        // On its own, so that a caller who gives up leaves no locked job behind.
        tokio::spawn(async move {
            let Post {
                conn, keys, claim, ..
            } = &*post;
            let reply = call::move_to_active(conn, keys, claim, &token, clock::now()).await;
            let parcel = match reply {
                Ok(reply) => Ok(Parcel(Some(post.fetched(reply, &token).await))),
                Err(error) => Err(error),
            };
            let _dropped = give.send(parcel);
        });
        let mut parcel = given.await.map_err(|_| Error::Closed)??;
        if let Some(popped) = self.popped.take() {
            popped.followed();
        }
        parcel.0.take().ok_or(Error::Closed)
    }

    /// Hands back jobs whose worker died, and gives their ids. All workers of the queue together
    /// do so at most once in each interval; between, it finds nothing.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn check_stalled(&self) -> Result<Vec<String>> {
        check_stalled(&self.post, &self.options).await
    }

    /// Checks for stalled jobs now and then at each interval, as stock's
    /// `startStalledCheckTimer` does; spawn it. Ends never.
    pub fn stalled_checks(&self) -> impl Future<Output = ()> + Send + 'static {
        let (post, options) = (Arc::clone(&self.post), self.options.clone());
        async move {
            let queue = post.keys.queue();
            let mut ticks = tokio::time::interval(options.stalled_interval);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                match check_stalled(&post, &options).await {
                    Ok(ids) => {
                        for id in ids {
                            warn!(target: "bullrs::worker", queue, job_id = id, "recovered a stalled job");
                        }
                    }
                    Err(error) if error.is_transient() => {
                        debug!(target: "bullrs::worker", queue, %error, "cannot check for stalled jobs now");
                    }
                    Err(error) => {
                        error!(target: "bullrs::worker", queue, %error, "cannot check for stalled jobs");
                    }
                }
            }
        }
    }

    /// Waits until the queue is worth another look.
    async fn wait(&mut self, next_due: Option<i64>) -> Result<()> {
        let timeout = match next_due {
            None => self.options.drain_delay,
            Some(due) => {
                let ahead = u64::try_from(due.saturating_sub(clock::now())).unwrap_or(0);
                if ahead == 0 {
                    return Ok(());
                }
                Duration::from_millis(ahead).min(LONGEST_WAIT)
            }
        };
        let Post { conn, keys, .. } = &*self.post;
        // Taken out, so that a dropped wait takes its connection along.
        let mut blocking = if let Some(blocking) = self.blocking.take() {
            blocking
        } else {
            let name = keys.client_name(self.options.name.as_deref())?;
            conn.blocking(name).await?
        };
        let wake = Wake::new(conn.clone(), keys.clone(), blocking.client_id());
        let marker = [keys.key("marker")];
        match blocking
            .pop_marker(&marker, timeout.max(SHORTEST_WAIT))
            .await?
        {
            Popped::Marker { .. } => self.popped = Some(wake),
            Popped::Nothing => wake.followed(),
        }
        self.blocking = Some(blocking);
        Ok(())
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher")
            .field("post", &self.post)
            .finish_non_exhaustive()
    }
}

async fn check_stalled(post: &Post, options: &WorkerOptions) -> Result<Vec<String>> {
    let (most, interval) = (options.max_stalled_count, options.stalled_interval);
    call::recover_stalled(&post.conn, &post.keys, clock::now(), most, interval).await
}

impl Tokens {
    fn next(&mut self) -> String {
        match self {
            Self::Fixed(token) => token.clone(),
            Self::Numbered { base, next } => {
                *next += 1;
                format!("{base}:{next}")
            }
        }
    }
}

/// What was claimed, on its way to the caller. If nobody takes it, the job goes back.
struct Parcel(Option<Fetched>);

impl Drop for Parcel {
    fn drop(&mut self) {
        if let Some(Fetched::Job(job)) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(job.hand_back());
        }
    }
}

/// A wake-up that may have been popped. If no claim follows, another worker gets it.
#[derive(Debug)]
struct Wake(Option<(Conn, QueueKeys, Option<i64>)>);

impl Wake {
    fn new(conn: Conn, keys: QueueKeys, client_id: Option<i64>) -> Self {
        Self(Some((conn, keys, client_id)))
    }

    /// A claim has followed, or nothing was popped.
    fn followed(mut self) {
        self.0 = None;
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        if let Some((conn, keys, client_id)) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move {
                // Before the marker is back: else the abandoned wait would pop it again.
                if let Some(id) = client_id {
                    let _gone = conn.unblock(id).await;
                }
                let _best_effort = call::restore_marker(&conn, &keys).await;
            });
        }
    }
}
