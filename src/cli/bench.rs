//! `bullrs bench`: measuring bullrs, alone or against others.

mod add;
mod run;

use std::{sync::Arc, time::Duration};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Abort, Call, Exit,
    args::{ConfigArgs, JsonArgs, LogArgs, QueueArgs, RedisArgs, TuningArgs},
    given, log, output,
    reload::Reloader,
    serving::{self, Ending},
    synthetic::{Mode, Synthetic},
};
use crate::{
    Client, Error,
    config::{Fault, LogFilter, Reader, RedisChoice},
    worker::Worker,
};

/// Measure bullrs, or compare it
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(super) struct BenchArgs {
    #[command(subcommand)]
    command: BenchCommands,
}

#[derive(Debug, Subcommand)]
enum BenchCommands {
    Worker(Box<BenchWorkerArgs>),
    Add(Box<add::BenchAddArgs>),
    Run(Box<run::BenchRunArgs>),
}

/// Serve queues with a synthetic handler, so that any harness can measure the worker
///
/// Takes the queues and the tuning of `bullrs worker`. It destroys jobs: every job of the queues
/// is run by the synthetic handler. Nothing is written to a job store, and no line is logged for a
/// single job (`--log-level info,bullrs::job=info` brings them back).
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bullrs bench worker --queues bench --concurrency 100 --mode noop --burst
  bullrs bench worker --queues bench:50 --mode sleep:20
  bullrs bench worker --queues bench --mode mono | head -1000 > starts.txt")]
struct BenchWorkerArgs {
    /// What the handler does: noop, echo, sleep:MS, fail:N or mono [default: noop]
    ///
    /// `noop` returns null, `echo` the job's data, `sleep:MS` sleeps, `fail:N` fails with `bench
    /// failure` while fewer than N attempts were made, `mono` prints `S <data.i> <nanoseconds of
    /// CLOCK_MONOTONIC>` as each job starts.
    #[arg(
        long,
        env = "BULLRS_MODE",
        default_value = "noop",
        hide_default_value = true
    )]
    mode: Mode,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    _config: ConfigArgs,
    #[command(flatten)]
    _queues: QueueArgs,
    #[command(flatten)]
    _redis: RedisArgs,
    #[command(flatten)]
    _tuning: TuningArgs,
    #[command(flatten)]
    _log: LogArgs,
}

/// What was done, as `--json` prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    completed: u64,
    failed: u64,
    retried: u64,
    released: u64,
    lost: u64,
    abandoned: u64,
    took_ms: u128,
}

fn read(reader: &mut Reader<'_>) -> LogFilter {
    let log = reader.log();
    let _redis = reader.redis();
    let _options = reader.worker();
    log.filter.without_jobs()
}

pub(super) fn run(args: BenchArgs, call: &Call<'_>) -> Result<Exit, Abort> {
    match args.command {
        BenchCommands::Worker(args) => work(&args, call),
        BenchCommands::Add(args) => add::run(&args, call),
        BenchCommands::Run(args) => run::run(&args, call),
    }
}

/// The Redis and the prefix that a measurement uses.
struct Setting {
    redis: RedisChoice,
    prefix: String,
}

impl Setting {
    fn read(call: &Call<'_>) -> Result<Self, Abort> {
        let faults = |faults: Vec<Fault>| Abort::faults(&faults, &call.names);
        let sources = given::sources(call.matches).map_err(faults)?;
        let mut reader = Reader::new(&sources);
        let redis = reader.redis();
        let prefix = reader.prefix();
        let _entries = reader.finish().map_err(faults)?;
        Ok(Self { redis, prefix })
    }

    async fn connect(&self) -> Result<Client, Abort> {
        let options = &self.redis.options;
        let client = Client::with_options(options.clone()).await;
        let client = client.map_err(|error| serving::not_started(&error, options))?;
        Ok(client.prefix(&self.prefix))
    }
}

fn went_away(error: &Error) -> Abort {
    let exit = if error.is_transient() {
        Exit::Unreachable
    } else {
        Exit::Failed
    };
    Abort::new(exit, "the measurement broke off").because(error)
}

#[expect(clippy::cast_precision_loss, reason = "a rate to be read by people")]
fn rate(jobs: u64, took: Duration) -> f64 {
    jobs as f64 / took.as_secs_f64().max(f64::EPSILON)
}

fn work(args: &BenchWorkerArgs, call: &Call<'_>) -> Result<Exit, Abort> {
    let faults = |faults: Vec<Fault>| Abort::faults(&faults, &call.names);
    let sources = given::sources(call.matches).map_err(faults)?;
    let mut redactor = given::redactor(&sources);
    let mut reader = Reader::new(&sources);
    let mut log_choice = reader.log();
    // A line for each job would be most of what is measured.
    log_choice.filter = log_choice.filter.without_jobs();
    let connection = reader.redis();
    let options = reader.worker();
    let entries = reader.finish().map_err(faults)?;
    redactor.learn_url(&connection.url);
    let logs = log::install(&log_choice, redactor)?;

    let handler = Arc::new(Synthetic::new(args.mode).map_err(|reason| {
        Abort::new(Exit::Failed, "cannot read the monotonic clock").cause(reason)
    })?);
    let queues: Vec<String> = options.queues.iter().map(|one| one.name.clone()).collect();
    let worker = queues.iter().fold(
        Worker::new(connection.options.clone(), options),
        |worker, queue| worker.processor(queue, handler.clone() as _),
    );
    let runtime = serving::runtime()?;
    let ended = runtime.block_on(serving::serve(
        worker,
        &connection.options,
        Reloader::new(call, logs, entries, read),
        handler.unread(),
        None,
        || {
            tracing::info!(
                version = env!("CARGO_PKG_VERSION"),
                queues = queues.join(","),
                mode = %args.mode,
                redis = %connection.options,
                "bench worker is ready"
            );
        },
    ));
    runtime.shutdown_background();
    let ended = ended?;
    let exit = ended.exit();
    if let (Ending::Ended(report), true) = (ended, args.json.json) {
        output::json(&Summary {
            completed: report.completed,
            failed: report.failed,
            retried: report.retried,
            released: report.released,
            lost: report.lost,
            abandoned: report.abandoned,
            took_ms: report.took.as_millis(),
        })?;
    }
    Ok(exit)
}
