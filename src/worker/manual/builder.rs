//! What a fetcher can be told.

use std::{fmt, sync::Arc, time::Duration};

use super::{Fetcher, Post};
use crate::{
    Result,
    conn::Conn,
    script::call::Claim,
    wire::{KeepJobs, Limiter, QueueKeys},
    worker::{
        FailedAttempt, QueueOptions, WorkerOptions, port::RedisPort, strategy::Strategies,
        ticker::Ticker, verdict::Rules,
    },
};

/// Options of a [`Fetcher`]; they mean what they mean for a worker.
#[must_use = "nothing connects before `open`"]
pub struct FetcherBuilder {
    conn: Conn,
    options: WorkerOptions,
    limiter: Option<Limiter>,
    token: Option<String>,
    strategies: Strategies,
}

impl FetcherBuilder {
    pub(crate) fn new(conn: Conn, prefix: &str, queue: &str) -> Self {
        let mut options = WorkerOptions::new([QueueOptions::new(queue)]);
        prefix.clone_into(&mut options.prefix);
        Self {
            conn,
            options,
            limiter: None,
            token: None,
            strategies: Strategies::default(),
        }
    }

    /// How long a job is locked when it is taken, and by each next one that is fetched with its
    /// end. Nothing extends the lock but [`HeldJob::extend_lock`](super::HeldJob::extend_lock).
    /// Defaults to 30 s.
    pub fn lock(mut self, lock: Duration) -> Self {
        self.options.lock_duration = lock;
        self
    }

    /// The value of the locks. By default each job gets one of its own, `<uuid>:<number>`.
    ///
    /// Not `0`, by which stock's scripts skip the check of the lock.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// The name that dashboards show. None by default.
    pub fn name(mut self, name: &str) -> Self {
        self.options.name = Some(name.to_owned());
        self
    }

    /// At most `max` starts in each `window`, over all workers of the queue. None by default.
    pub fn limiter(mut self, max: u32, window: Duration) -> Self {
        self.limiter = Some(Limiter {
            max,
            duration: window,
        });
        self
    }

    /// Longest wait for work before the queue is looked at anyway. Defaults to 5 s.
    pub fn drain_delay(mut self, delay: Duration) -> Self {
        self.options.drain_delay = delay;
        self
    }

    /// Minutes of history to keep in `metrics:*`. None by default.
    pub fn metrics(mut self, minutes: u32) -> Self {
        self.options.metrics = Some(minutes);
        self
    }

    /// Attempts of jobs whose producer set none. One by default.
    pub fn default_attempts(mut self, attempts: u32) -> Self {
        self.options.default_attempts = Some(attempts);
        self
    }

    /// How often a job may be started before it is not tried again. No limit by default.
    pub fn max_started_attempts(mut self, most: u32) -> Self {
        self.options.max_started_attempts = Some(most);
        self
    }

    /// What to keep of completed jobs whose producer did not say. Everything by default.
    pub fn remove_on_complete(mut self, keep: impl Into<KeepJobs>) -> Self {
        self.options.remove_on_complete = Some(keep.into());
        self
    }

    /// What to keep of failed jobs whose producer did not say. Everything by default.
    pub fn remove_on_fail(mut self, keep: impl Into<KeepJobs>) -> Self {
        self.options.remove_on_fail = Some(keep.into());
        self
    }

    /// Names a backoff that jobs may ask for: from attempts made (from 1) to the delay, `None` for
    /// no further attempt.
    pub fn backoff(
        mut self,
        name: &str,
        strategy: impl Fn(u32) -> Option<Duration> + Send + Sync + 'static,
    ) -> Self {
        self.strategies.name(name, strategy);
        self
    }

    /// Decides for every backoff that is neither [named](Self::backoff) nor built in.
    pub fn backoff_strategy(
        mut self,
        strategy: impl Fn(&FailedAttempt<'_>) -> Option<Duration> + Send + Sync + 'static,
    ) -> Self {
        self.strategies.set_other(strategy);
        self
    }

    /// How often [`Fetcher::stalled_checks`] looks, and how often a job may stall before it fails.
    /// Defaults to 30 s and 1.
    pub fn stalled(mut self, every: Duration, at_most: u32) -> Self {
        self.options.stalled_interval = every;
        self.options.max_stalled_count = at_most;
        self
    }

    /// Checks every option and connects. Dashboards count the fetcher as a worker from now on.
    ///
    /// # Errors
    /// One error that lists every option which breaks a rule; or when Redis cannot be reached.
    pub async fn open(self) -> Result<Fetcher> {
        let Self {
            conn,
            mut options,
            limiter,
            token,
            strategies,
        } = self;
        for queue in &mut options.queues {
            queue.limiter = limiter;
        }
        options.validate()?;
        if let Some(token) = token.as_deref()
            && (token.is_empty() || token == "0")
        {
            return Err(crate::Error::Invalid {
                field: "token",
                rule: format!("must be neither empty nor `0`, got `{token}`"),
            });
        }
        let queue = options.queues.first().map_or("", |queue| &queue.name);
        let keys = QueueKeys::new(&options.prefix, queue)?;
        conn.check_server().await?;
        let client_name = keys.client_name(options.name.as_deref())?;
        let blocking = conn.blocking(client_name).await?;
        let post = Post {
            claim: Claim {
                lock_duration: options.lock_duration,
                limiter,
                name: options.name.clone(),
                metrics: options.metrics,
            },
            rules: Rules {
                default_attempts: options.default_attempts,
                remove_on_complete: options.remove_on_complete,
                remove_on_fail: options.remove_on_fail,
                max_started_attempts: options.max_started_attempts,
                strategies,
            },
            port: Arc::new(RedisPort::new(conn.clone(), keys.clone())),
            ticker: Ticker::new(conn.clone(), keys.clone()),
            conn,
            keys,
        };
        Ok(Fetcher::new(Arc::new(post), blocking, options, token))
    }
}

impl fmt::Debug for FetcherBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetcherBuilder")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
