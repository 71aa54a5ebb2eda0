//! `bullrs bench run`: what a user's own Redis gives, without a trace left in it.

use std::{sync::Arc, time::Duration};

use clap::Args;
use serde::Serialize;

use super::{Setting, add::LoadArgs, rate, went_away};
use crate::{
    Client, Error,
    cli::{
        Abort, Call, Exit,
        args::{ConfigArgs, JsonArgs, RedisArgs},
        output, serving,
        synthetic::{Mode, Synthetic},
    },
    worker::{QueueOptions, Report, Worker, WorkerOptions},
};

const QUEUE: &str = "bench";

/// Measure your own Redis: add jobs, drain them, report, and clean up
///
/// Works on a queue under a prefix of its own, and removes all of it at the end. It asks for as
/// much of Redis as it can get meanwhile: not for a production server at a busy hour.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bullrs bench run
  bullrs bench run --redis-url redis://staging:6379 --jobs 100000 --concurrency 500
  bullrs bench run --bytes 10000 --mode sleep:5 --json")]
pub(super) struct BenchRunArgs {
    #[command(flatten)]
    load: LoadArgs,
    /// How many jobs run at once [default: 100]
    #[arg(
        long,
        value_name = "N",
        env = "BULLRS_CONCURRENCY",
        default_value_t = 100,
        hide_default_value = true
    )]
    concurrency: usize,
    /// What the handler does: noop, echo, sleep:MS or fail:N [default: noop]
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
    _redis: RedisArgs,
}

/// What was measured, as `--json` prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Measured {
    jobs: u64,
    completed: u64,
    failed: u64,
    add_seconds: f64,
    add_per_second: f64,
    drain_seconds: f64,
    drain_per_second: f64,
    redis: String,
}

pub(super) fn run(args: &BenchRunArgs, call: &Call<'_>) -> Result<Exit, Abort> {
    let setting = Setting::read(call)?;
    if args.concurrency == 0 {
        return Err(Abort::new(Exit::Usage, "--concurrency must be at least 1"));
    }
    serving::runtime()?.block_on(async {
        let prefix = format!("bullrs-bench-{}", uuid::Uuid::new_v4().simple());
        let client = setting.connect().await?.prefix(&prefix);
        let measured = tokio::select! {
            measured = measure(args, &setting, &client, &prefix) => measured,
            _ = tokio::signal::ctrl_c() => {
                Err(Abort::new(Exit::Failed, "interrupted; nothing is left in redis"))
            }
        };
        // Whatever has happened, nothing may stay.
        let cleaned = clean(&client).await;
        let measured = measured?;
        cleaned.map_err(|error| {
            Abort::new(
                Exit::Failed,
                format!("keys that begin with `{prefix}:` were left behind"),
            )
            .because(&error)
        })?;
        tell(&measured, args)?;
        Ok(if measured.completed == measured.jobs {
            Exit::Fine
        } else {
            Exit::Failed
        })
    })
}

async fn measure(
    args: &BenchRunArgs,
    setting: &Setting,
    client: &Client,
    prefix: &str,
) -> Result<Measured, Abort> {
    let server = client.ping().await.map_err(|error| went_away(&error))?;
    let queue = client.queue(QUEUE);
    let adding = args.load.add(&queue).await;
    let adding = adding.map_err(|error| went_away(&error))?;
    let (report, draining) = drain(args, setting, prefix).await?;
    let jobs = args.load.jobs;
    Ok(Measured {
        jobs,
        completed: report.completed,
        failed: report.failed,
        add_seconds: adding.as_secs_f64(),
        add_per_second: rate(jobs, adding),
        drain_seconds: draining.as_secs_f64(),
        drain_per_second: rate(jobs, draining),
        redis: server.redis_version.clone(),
    })
}

/// Runs a worker until the queue is empty.
async fn drain(
    args: &BenchRunArgs,
    setting: &Setting,
    prefix: &str,
) -> Result<(Report, Duration), Abort> {
    let handler = Synthetic::new(args.mode)
        .map_err(|reason| Abort::new(Exit::Failed, "cannot read the clock").cause(reason))?;
    let mut queue = QueueOptions::new(QUEUE);
    queue.concurrency = args.concurrency;
    let mut options = WorkerOptions::new([queue]);
    prefix.clone_into(&mut options.prefix);
    options.burst = true;
    let connection = setting.redis.options.clone();
    let worker = Worker::new(connection, options).processor(QUEUE, Arc::new(handler));
    let running = worker.start().await.map_err(|error| went_away(&error))?;
    let report = running.finished().await;
    let took = report.took;
    Ok((report, took))
}

async fn clean(client: &Client) -> Result<(), Error> {
    client.queue(QUEUE).obliterate().force().await.map(drop)
}

fn tell(measured: &Measured, args: &BenchRunArgs) -> Result<(), Abort> {
    if args.json.json {
        return output::json(measured);
    }
    let failed = match measured.failed {
        0 => String::new(),
        failed => format!(" ({failed} failed)"),
    };
    output::text(&format!(
        "redis {}, {} jobs of {} bytes, concurrency {}\n\
         added {} in {:.3} s: {:.0} jobs/s\n\
         drained in {:.3} s: {:.0} jobs/s{failed}\n",
        measured.redis,
        measured.jobs,
        args.load.bytes,
        args.concurrency,
        args.load.how,
        measured.add_seconds,
        measured.add_per_second,
        measured.drain_seconds,
        measured.drain_per_second,
    ))
}
