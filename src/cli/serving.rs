//! Runs a worker until its work is done or a signal ends it. `worker` and `bench worker` share it.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{
    Abort, Exit,
    reload::Reloader,
    signal::{Signals, Wish},
};
use crate::{
    Error,
    api::Health,
    config::plain,
    conn::ConnectionOptions,
    worker::{Control, Report, Running, Worker},
};

/// Signals that follow a request to stop this closely are its echo.
const ECHO: Duration = Duration::from_millis(50);

/// The runtime on which handlers run.
pub(super) fn runtime() -> Result<Runtime, Abort> {
    Builder::new_multi_thread()
        .thread_name("bullrs-handler")
        .enable_all()
        .build()
        .map_err(|error| Abort::new(Exit::Failed, "cannot start threads").because(&error))
}

/// Starts the worker, says so with `announce`, and serves until it ends, or hands everything back
/// when `useless` is notified. `health` learns of the worker once it has started.
///
/// # Errors
/// When Redis cannot be reached at the start; later outages are the worker's to outlive.
pub(super) async fn serve(
    worker: Worker,
    connection: &ConnectionOptions,
    mut reloader: Reloader<'_>,
    useless: Arc<Notify>,
    health: Option<Arc<Health>>,
    announce: impl FnOnce(),
) -> Result<Ending, Abort> {
    let mut signals = Signals::install(useless)
        .map_err(|error| Abort::new(Exit::Failed, "cannot receive signals").because(&error))?;
    let started = until_stopped(worker.start(), &mut signals).await;
    let Some(started) = started else {
        tracing::info!("stopped before it had started");
        return Ok(Ending::Early);
    };
    let running = started.map_err(|error| not_started(&error, connection))?;
    if let Some(health) = health {
        health.started(running.control());
    }
    announce();
    Ok(follow(running, &mut signals, &mut reloader).await)
}

/// How serving ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending {
    /// A signal came before there was anything to stop.
    Early,
    /// The worker ended, by itself or because it was told to.
    Ended(Report),
    /// Told to stop a third time, the process does not wait any longer.
    GivenUp,
}

impl Ending {
    /// The exit code for it. What was done, the worker has logged itself.
    pub(super) fn exit(self) -> Exit {
        match self {
            Self::Early => Exit::Fine,
            Self::GivenUp => {
                tracing::error!("gave up; a stalled check will recover what still ran");
                Exit::Abandoned
            }
            Self::Ended(report) => {
                if report.abandoned > 0 {
                    Exit::Abandoned
                } else {
                    Exit::Fine
                }
            }
        }
    }
}

async fn until_stopped<T>(work: impl Future<Output = T>, signals: &mut Signals) -> Option<T> {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Some(done),
            wish = signals.next() => if wish == Wish::Stop { return None },
        }
    }
}

async fn follow(running: Running, signals: &mut Signals, reloader: &mut Reloader<'_>) -> Ending {
    let control = running.control();
    let mut finished = pin!(running.finished());
    let mut stops = 0_u32;
    let mut quiet = false;
    loop {
        let wish = tokio::select! {
            report = &mut finished => return Ending::Ended(report),
            wish = signals.next() => wish,
        };
        match wish {
            Wish::StopNow => {
                stops = stops.max(2);
                control.stop_now();
            }
            Wish::Stop => {
                stops += 1;
                match stops {
                    1 => control.stop(),
                    2 => {
                        let running = control.jobs().len();
                        tracing::warn!(running, "stopping now: running jobs are handed back");
                        control.stop_now();
                    }
                    _ => return Ending::GivenUp,
                }
                if let Some(report) = without_echoes(&mut finished, signals).await {
                    return Ending::Ended(report);
                }
                if stops == 1 {
                    let running = control.jobs().len();
                    tracing::info!(running, "stopping: no new jobs, running ones may end");
                }
            }
            Wish::Quiet if stops == 0 && !quiet => {
                quiet = true;
                control.pause();
                tracing::info!("quiet: no new jobs until SIGCONT");
            }
            Wish::Resume if quiet => {
                quiet = false;
                control.resume();
                tracing::info!("fetching again");
            }
            // Supervisors send CONT along with TERM.
            Wish::Quiet | Wish::Resume => {}
            Wish::Reload => reloader.reload(),
            Wish::Dump => dump(&control),
        }
    }
}

/// Ignores signals for a moment: `timeout`, npm and process groups deliver one request twice, and
/// the echo must not count as the second one. The drain is logged only afterwards, so that a signal
/// that is sent because of the log counts.
async fn without_echoes(
    finished: &mut (impl Future<Output = Report> + Unpin),
    signals: &mut Signals,
) -> Option<Report> {
    let quiet_again = Instant::now() + ECHO;
    loop {
        tokio::select! {
            report = &mut *finished => return Some(report),
            () = sleep_until(quiet_again) => return None,
            _echo = signals.next() => {}
        }
    }
}

/// Says what runs, longest first.
fn dump(control: &Control) {
    let mut jobs = control.jobs();
    jobs.sort_by_key(|job| std::cmp::Reverse(job.elapsed));
    tracing::info!(
        running = jobs.len(),
        ready = control.is_ready(),
        "running jobs"
    );
    for job in jobs {
        tracing::info!(
            queue = job.queue,
            job.id = job.id,
            job.name = job.name,
            attempt = job.attempt,
            elapsed_ms = u64::try_from(job.elapsed.as_millis()).unwrap_or(u64::MAX),
            "running"
        );
    }
}

pub(super) fn not_started(error: &Error, connection: &ConnectionOptions) -> Abort {
    match error {
        Error::Redis { message, .. } => Abort::new(
            Exit::Unreachable,
            format!("cannot reach redis at `{connection}`"),
        )
        .cause(plain(message))
        .hint(if message == "connection refused" {
            "is it running there? `docker compose up redis` starts one, \
             REDIS_URL or `--redis-url` names another"
        } else {
            "REDIS_URL or `--redis-url` says where it is and who asks; \
             docs/connections.md has all forms"
        }),
        _ => Abort::new(Exit::Usage, "the worker cannot start").because(error),
    }
}
