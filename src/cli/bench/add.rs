//! `bullrs bench add`: how fast jobs are added.

use std::{fmt, str::FromStr, time::Duration};

use clap::Args;
use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use super::{Setting, went_away};
use crate::{
    Result,
    cli::{
        Abort, Call, Exit,
        args::{ConfigArgs, JsonArgs, RedisArgs},
        output, serving,
    },
    queue::{Keep, NewJob, Queue},
};

/// Jobs of one bulk.
const BULK: u64 = 1000;
/// Jobs that `inflight` adds at once.
const IN_FLIGHT: u64 = 50;

/// Add jobs to a queue and say how long it took
///
/// The jobs stay in the queue: measure on a Redis, or at least under a --prefix, that nobody works
/// on. `bullrs bench run` cleans up after itself.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bullrs bench add --queue bench --jobs 40000
  bullrs bench add --queue bench --jobs 10000 --how sequential --json")]
pub(super) struct BenchAddArgs {
    /// The queue [default: bench]
    #[arg(
        long,
        value_name = "QUEUE",
        env = "BULLRS_QUEUE",
        default_value = "bench",
        hide_default_value = true
    )]
    queue: String,
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    _config: ConfigArgs,
    #[command(flatten)]
    _redis: RedisArgs,
}

/// Which jobs are added, and how.
#[derive(Debug, Args)]
pub(super) struct LoadArgs {
    /// How many jobs [default: 40000]
    #[arg(
        long,
        value_name = "N",
        env = "BULLRS_JOBS",
        default_value_t = 40_000,
        hide_default_value = true
    )]
    pub(super) jobs: u64,
    /// How many bytes of payload each has [default: 24]
    #[arg(
        long,
        value_name = "N",
        env = "BULLRS_BYTES",
        default_value_t = 24,
        hide_default_value = true
    )]
    pub(super) bytes: usize,
    /// How they are added: bulk, inflight or sequential [default: bulk]
    ///
    /// `bulk` adds 1000 in one call, `inflight` keeps 50 calls for one job each in flight,
    /// `sequential` adds one after the other.
    #[arg(
        long,
        env = "BULLRS_HOW",
        default_value_t = How::Bulk,
        hide_default_value = true
    )]
    pub(super) how: How,
}

/// How jobs are added.
#[derive(Debug, Clone, Copy)]
pub(super) enum How {
    Bulk,
    InFlight,
    Sequential,
}

impl FromStr for How {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "bulk" => Ok(Self::Bulk),
            "inflight" => Ok(Self::InFlight),
            "sequential" => Ok(Self::Sequential),
            _ => Err("expected bulk, inflight or sequential".into()),
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bulk => "bulk",
            Self::InFlight => "inflight",
            Self::Sequential => "sequential",
        })
    }
}

/// What was done, as `--json` prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Added {
    jobs: u64,
    seconds: f64,
    per_second: f64,
}

pub(super) fn run(args: &BenchAddArgs, call: &Call<'_>) -> std::result::Result<Exit, Abort> {
    let setting = Setting::read(call)?;
    serving::runtime()?.block_on(async {
        let client = setting.connect().await?;
        let queue = client.queue(&args.queue);
        let took = args.load.add(&queue).await.map_err(|e| went_away(&e))?;
        let seconds = took.as_secs_f64();
        let added = Added {
            jobs: args.load.jobs,
            seconds,
            per_second: super::rate(args.load.jobs, took),
        };
        if args.json.json {
            output::json(&added)?;
        } else {
            output::text(&format!(
                "added {} jobs in {seconds:.3} s: {:.0} jobs/s\n",
                added.jobs, added.per_second
            ))?;
        }
        Ok(Exit::Fine)
    })
}

impl LoadArgs {
    /// Adds the jobs and gives how long that took; the first call of a connection is made before.
    pub(super) async fn add(&self, queue: &Queue) -> Result<Duration> {
        let payload = "x".repeat(self.bytes);
        let data = |i: u64| json!({ "i": i, "payload": payload });
        queue.counts().await?;
        let started = Instant::now();
        match self.how {
            How::Bulk => {
                let mut first = 0;
                while first < self.jobs {
                    let next = self.jobs.min(first + BULK);
                    let jobs = (first..next)
                        .map(|i| NewJob::new("job", data(i)).keep_completed(Keep::none()));
                    queue.add_all(jobs).await?;
                    first = next;
                }
            }
            How::InFlight | How::Sequential => {
                let lanes = if matches!(self.how, How::InFlight) {
                    IN_FLIGHT
                } else {
                    1
                };
                let lane = async |first: u64| -> Result<()> {
                    let mut i = first;
                    while i < self.jobs {
                        queue
                            .add("job", data(i))
                            .keep_completed(Keep::none())
                            .await?;
                        i += lanes;
                    }
                    Ok(())
                };
                try_join_all((0..lanes).map(lane)).await?;
            }
        }
        Ok(started.elapsed())
    }
}
