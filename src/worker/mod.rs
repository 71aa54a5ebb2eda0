//! The worker: one engine thread with a role for each thing that must go on by itself.
//!
//! * [`fetcher`] claims and finishes jobs, both in the same calls;
//! * [`waiter`] waits for wake-ups on a connection of its own;
//! * [`executor`] runs one job on the handlers' runtime;
//! * [`canceller`] stops jobs that are to be cancelled;
//! * [`lock_keeper`] keeps locks, [`stall_checker`] recovers the jobs of dead workers.

mod builder;
mod cancel;
mod canceller;
mod control;
mod engine;
mod executor;
mod fetcher;
mod handler;
mod health;
mod job;
mod lane;
mod lock_keeper;
mod manual;
mod observer;
mod options;
mod order;
mod outbox;
mod panic;
mod port;
mod processor;
mod router;
mod shared_waiter;
mod slots;
mod stall_checker;
mod strategy;
mod ticker;
mod verdict;
mod waiter;

pub use builder::WorkerBuilder;
pub use cancel::CancelOutcome;
pub(crate) use cancel::cancel;
pub use control::{Control, Report, RunningJob};
pub use handler::{Handler, IntoOutcome, JobResult, State};
pub use health::Activity;
pub use job::{CancelReason, JobPort, Payload, RawJob};
pub use manual::{AfterFailure, Fetched, Fetcher, FetcherBuilder, HeldJob};
pub use observer::{Observer, Settled, SettledState};
pub use options::{NameOptions, QueueOptions, WorkerOptions};
pub use processor::{Outcome, Processor};
pub use router::Router;
pub use strategy::{BackoffStrategy, FailedAttempt};

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::oneshot};

use crate::{Error, Result, conn::ConnectionOptions};

/// A worker that has not started yet: queues, processors and who watches.
pub struct Worker {
    connection: ConnectionOptions,
    options: WorkerOptions,
    processors: HashMap<String, Arc<dyn Processor>>,
    observer: Option<Arc<dyn Observer>>,
    strategies: strategy::Strategies,
}

impl Worker {
    /// Prepares a worker; nothing connects before [`start`](Self::start).
    pub fn new(connection: ConnectionOptions, options: WorkerOptions) -> Self {
        Self {
            connection,
            options,
            processors: HashMap::new(),
            observer: None,
            strategies: strategy::Strategies::default(),
        }
    }

    /// Runs the jobs of a queue with this processor. Every queue needs one.
    #[must_use]
    pub fn processor(mut self, queue: &str, processor: Arc<dyn Processor>) -> Self {
        self.processors.insert(queue.to_owned(), processor);
        self
    }

    /// Tells this observer of every job.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Names a backoff that jobs may ask for as `opts.backoff.type`: from attempts made (from 1)
    /// to the delay, `None` for no further attempt.
    #[must_use]
    pub fn backoff(
        mut self,
        name: &str,
        strategy: impl Fn(u32) -> Option<Duration> + Send + Sync + 'static,
    ) -> Self {
        self.strategies.name(name, strategy);
        self
    }

    /// Decides for every backoff that is neither [named](Self::backoff) nor built in, by all that
    /// is known of the attempt: Node's `settings.backoffStrategy`. It must not wait.
    #[must_use]
    pub fn backoff_strategy(
        mut self,
        strategy: impl Fn(&FailedAttempt<'_>) -> Option<Duration> + Send + Sync + 'static,
    ) -> Self {
        self.strategies.set_other(strategy);
        self
    }

    fn strategies(mut self, strategies: strategy::Strategies) -> Self {
        self.strategies = strategies;
        self
    }

    /// Connects and starts. Handlers run on the runtime this is called on; everything that talks
    /// to Redis runs on a thread of its own that handlers cannot block.
    ///
    /// # Errors
    /// When options break a rule, a queue has no processor, or Redis cannot be reached.
    pub async fn start(self) -> Result<Running> {
        self.options.validate()?;
        panic::install_hook();
        let Self {
            connection,
            options,
            mut processors,
            observer,
            strategies,
        } = self;
        let processors = options
            .queues
            .iter()
            .map(|queue| {
                processors
                    .remove(&queue.name)
                    .ok_or_else(|| Error::Invalid {
                        field: "processor",
                        rule: format!("is missing for queue `{}`", queue.name),
                    })
            })
            .collect::<Result<Vec<_>>>()?;
        let engine = engine::Engine {
            connection,
            options,
            processors,
            observer,
            strategies,
            handlers: Handle::current(),
        };
        let (booted, boot) = oneshot::channel();
        let (finished, finish) = oneshot::channel();
        std::thread::Builder::new()
            .name("bullrs-engine".into())
            .spawn(move || run_engine(engine, booted, finished))
            .map_err(|error| Error::Invalid {
                field: "worker",
                rule: format!("cannot start its thread: {error}"),
            })?;
        let control = boot.await.map_err(|_| Error::Closed)??;
        Ok(Running { control, finish })
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker")
            .field("connection", &self.connection)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

fn run_engine(
    engine: engine::Engine,
    booted: oneshot::Sender<Result<Control>>,
    finished: oneshot::Sender<Report>,
) {
    match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => {
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, engine.run(booted, finished));
        }
        Err(error) => {
            let rule = format!("cannot start its runtime: {error}");
            let _caller_gave_up = booted.send(Err(Error::Invalid {
                field: "worker",
                rule,
            }));
        }
    }
}

/// A worker at work. Dropping it changes nothing: it ends by [`Control::stop`] or in burst mode.
#[derive(Debug)]
pub struct Running {
    control: Control,
    finish: oneshot::Receiver<Report>,
}

impl Running {
    /// A handle to stop, pause and watch it.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// As [`Control::cancel`].
    pub fn cancel(&self, queue: &str, id: &str, reason: &str) -> bool {
        self.control.cancel(queue, id, reason)
    }

    /// Waits until the worker has stopped, and says what it did.
    pub async fn finished(self) -> Report {
        let Self { control, finish } = self;
        finish.await.unwrap_or_else(|_| {
            // The engine's thread died: what it held is left to a stalled check.
            let left = control.jobs().len().max(1) as u64;
            control
                .0
                .tally
                .abandoned
                .fetch_add(left, std::sync::atomic::Ordering::Relaxed);
            control.0.report(Duration::ZERO)
        })
    }
}
