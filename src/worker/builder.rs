//! A worker of one queue with typed handlers.

use std::{future::Future, sync::Arc, time::Duration};

use super::{
    FailedAttempt, Observer, Processor, QueueOptions, Report, Router, Running, Worker,
    WorkerOptions,
    handler::{Handler, WithState},
    strategy::Strategies,
};
use crate::{Result, conn::ConnectionOptions, job::Keep, wire::Limiter};

/// Collects options and handlers; `S` is the state that handlers may ask for.
pub struct WorkerBuilder<S> {
    connection: ConnectionOptions,
    queue: QueueOptions,
    options: WorkerOptions,
    router: Router,
    observer: Option<Arc<dyn Observer>>,
    strategies: Strategies,
    state: S,
}

impl WorkerBuilder<()> {
    pub(crate) fn new(connection: ConnectionOptions, prefix: &str, queue: &str) -> Self {
        let mut options = WorkerOptions::new([]);
        prefix.clone_into(&mut options.prefix);
        Self {
            connection,
            queue: QueueOptions::new(queue),
            options,
            router: Router::new(),
            observer: None,
            strategies: Strategies::default(),
            state: (),
        }
    }

    /// Gives handlers a state; call it before [`handle`](WorkerBuilder::handle).
    #[must_use]
    pub fn state<S: Clone + Send + Sync + 'static>(self, state: S) -> WorkerBuilder<S> {
        let Self {
            connection,
            queue,
            options,
            router,
            observer,
            strategies,
            state: (),
        } = self;
        WorkerBuilder {
            connection,
            queue,
            options,
            router,
            observer,
            strategies,
            state,
        }
    }
}

impl<S: Clone + Send + Sync + 'static> WorkerBuilder<S> {
    /// Runs jobs of this name with an `async fn(Job<T>)` or `async fn(Job<T>, State<S>)`.
    #[must_use]
    pub fn handle<M: 'static>(mut self, name: &str, handler: impl Handler<S, M>) -> Self {
        let processor = WithState::boxed(handler, self.state.clone());
        self.router = self.router.route(name, processor);
        self
    }

    /// Runs jobs of every other name with this processor. Without one they fail.
    #[must_use]
    pub fn fallback(mut self, processor: Arc<dyn Processor>) -> Self {
        self.router = self.router.fallback(processor);
        self
    }

    /// Tells this observer of every job.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Most jobs that run at once. Defaults to 1, as in Node.
    #[must_use]
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.queue.concurrency = concurrency;
        self
    }

    /// Most jobs of this name that run at once; others of it stay waiting, and jobs of other names
    /// overtake them. No limit but [`concurrency`](Self::concurrency) by default.
    #[must_use]
    pub fn concurrency_of(mut self, name: &str, concurrency: usize) -> Self {
        let own = self.queue.jobs.entry(name.to_owned()).or_default();
        own.concurrency = Some(concurrency);
        self
    }

    /// How long a job may run without its lock being renewed before another worker takes it.
    ///
    /// Too short and jobs run twice on a busy machine; too long and a crashed worker's jobs wait
    /// that long. Defaults to 30 s.
    #[must_use]
    pub fn lock(mut self, lock: Duration) -> Self {
        self.options.lock_duration = lock;
        self
    }

    /// How often to look for jobs of dead workers, and how often a job may stall before it fails.
    /// Defaults to 30 s and 1.
    #[must_use]
    pub fn stalled(mut self, every: Duration, at_most: u32) -> Self {
        self.options.stalled_interval = every;
        self.options.max_stalled_count = at_most;
        self
    }

    /// At most `max` starts in each `window`, over all workers of the queue. None by default.
    #[must_use]
    pub fn limiter(mut self, max: u32, window: Duration) -> Self {
        self.queue.limiter = Some(Limiter {
            max,
            duration: window,
        });
        self
    }

    /// Longest time for one attempt of jobs that set no `timeout`. None by default.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.queue.timeout = Some(timeout);
        self
    }

    /// How long running jobs may go on after a stop was asked for. Defaults to 25 s.
    #[must_use]
    pub fn drain(mut self, drain: Duration) -> Self {
        self.options.drain = drain;
        self
    }

    /// How long a cancelled job may take to end by itself before it is dropped. Defaults to 5 s.
    #[must_use]
    pub fn cancel_grace(mut self, grace: Duration) -> Self {
        self.options.cancel_grace = grace;
        self
    }

    /// The name that dashboards show. None by default.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.options.name = Some(name.to_owned());
        self
    }

    /// Keeps nothing of completed jobs whose producer did not say. Keeps all by default.
    #[must_use]
    pub fn remove_completed(self) -> Self {
        self.keep_completed(Keep::none())
    }

    /// What to keep of completed jobs whose producer did not say. Everything by default.
    #[must_use]
    pub fn keep_completed(mut self, keep: Keep) -> Self {
        self.options.remove_on_complete = Some(keep.into());
        self
    }

    /// What to keep of failed jobs whose producer did not say. Everything by default.
    #[must_use]
    pub fn keep_failed(mut self, keep: Keep) -> Self {
        self.options.remove_on_fail = Some(keep.into());
        self
    }

    /// Attempts of jobs whose producer set none. One by default.
    #[must_use]
    pub fn default_attempts(mut self, attempts: u32) -> Self {
        self.options.default_attempts = Some(attempts);
        self
    }

    /// How often a job may be started, stalls included, before it fails. No limit by default.
    #[must_use]
    pub fn max_started_attempts(mut self, most: u32) -> Self {
        self.options.max_started_attempts = Some(most);
        self
    }

    /// As [`Worker::backoff`].
    #[must_use]
    pub fn backoff(
        mut self,
        name: &str,
        strategy: impl Fn(u32) -> Option<Duration> + Send + Sync + 'static,
    ) -> Self {
        self.strategies.name(name, strategy);
        self
    }

    /// As [`Worker::backoff_strategy`].
    #[must_use]
    pub fn backoff_strategy(
        mut self,
        strategy: impl Fn(&FailedAttempt<'_>) -> Option<Duration> + Send + Sync + 'static,
    ) -> Self {
        self.strategies.set_other(strategy);
        self
    }

    /// Minutes of history to keep in `metrics:*`. None by default.
    #[must_use]
    pub fn metrics(mut self, minutes: u32) -> Self {
        self.options.metrics = Some(minutes);
        self
    }

    /// Longest wait for work before the queue is looked at anyway. Defaults to 5 s.
    #[must_use]
    pub fn drain_delay(mut self, delay: Duration) -> Self {
        self.options.drain_delay = delay;
        self
    }

    /// Leaves locks to run out: a job must end within [`lock`](Self::lock). Off by default.
    #[must_use]
    pub fn skip_lock_renewal(mut self) -> Self {
        self.options.skip_lock_renewal = true;
        self
    }

    /// Leaves it to other workers to hand back the jobs of dead ones. Off by default.
    #[must_use]
    pub fn skip_stalled_check(mut self) -> Self {
        self.options.skip_stalled_check = true;
        self
    }

    /// Ends by itself once the queue has nothing ready and nothing runs. Off by default.
    #[must_use]
    pub fn burst(mut self) -> Self {
        self.options.burst = true;
        self
    }

    /// Checks every option; nothing connects yet.
    ///
    /// # Errors
    /// One error that lists every option which breaks a rule.
    pub fn build(self) -> Result<Worker> {
        let Self {
            connection,
            queue,
            mut options,
            router,
            observer,
            strategies,
            state: _,
        } = self;
        let name = queue.name.clone();
        options.queues = vec![queue];
        options.validate()?;
        let worker = Worker::new(connection, options)
            .processor(&name, Arc::new(router))
            .strategies(strategies);
        Ok(match observer {
            Some(observer) => worker.observer(observer),
            None => worker,
        })
    }
}

impl<S> std::fmt::Debug for WorkerBuilder<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerBuilder")
            .field("queue", &self.queue)
            .field("options", &self.options)
            .field("router", &self.router)
            .finish_non_exhaustive()
    }
}

impl Worker {
    /// Runs until `stop` is ready, then stops gracefully; also ends by itself in burst mode.
    ///
    /// # Errors
    /// When Redis cannot be reached at the start.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> Result<Report> {
        let running: Running = self.start().await?;
        let control = running.control();
        let finished = running.finished();
        tokio::pin!(finished);
        tokio::select! {
            report = &mut finished => return Ok(report),
            () = stop => control.stop(),
        }
        Ok(finished.await)
    }

    /// Runs until it ends by itself, which only a burst worker does.
    ///
    /// # Errors
    /// When Redis cannot be reached at the start.
    pub async fn run(self) -> Result<Report> {
        self.run_until(std::future::pending()).await
    }
}
