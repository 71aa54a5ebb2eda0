//! `bullrs job`: one job, from outside.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{
    Abort, Call, Exit,
    args::{ConfigArgs, JsonArgs, RedisArgs, StoreArgs},
    given, output, serving,
    store::note_cancelled,
};
use crate::{
    CancelOutcome, Client, Error,
    config::{Fault, Reader, StoreChoice, duration},
    job::JobHandle,
    wire::JobRecord,
};

/// How often the job is looked at while its worker stops it.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// One job, from outside its worker
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(super) struct JobArgs {
    #[command(subcommand)]
    command: JobCommands,
}

#[derive(Debug, Subcommand)]
enum JobCommands {
    Cancel(Box<CancelArgs>),
}

/// Cancel a job, in whatever state it is and wherever it runs
///
/// A job that waits, for its time or for its children, fails at once with `cancelled: <reason>`.
/// One that runs is told to stop by its worker within a second, and is dropped when it has not
/// ended after that worker's --cancel-grace. Workers of another kind than bullrs cannot be told.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bullrs job cancel content 42
  bullrs job cancel content 42 --reason 'the draft was deleted' --json

Exit codes:
  0  cancelled
  1  not cancelled: it had ended, there is no such job, or its worker did not stop it in time
  2  wrong usage or configuration
  3  Redis or the database cannot be reached")]
struct CancelArgs {
    /// Its queue
    #[arg(value_name = "QUEUE")]
    queue: String,
    /// Its id
    #[arg(value_name = "ID")]
    id: String,
    /// Why; the job fails with `cancelled: TEXT` [default: on request]
    #[arg(long, value_name = "TEXT", env = "BULLRS_REASON")]
    reason: Option<String>,
    /// How long its worker may take to stop it; 0 does not wait [default: 10s]
    #[arg(long, value_name = "DURATION", env = "BULLRS_WAIT")]
    wait: Option<String>,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    _config: ConfigArgs,
    #[command(flatten)]
    _redis: RedisArgs,
    #[command(flatten)]
    _store: StoreArgs,
}

/// What came of it, as `--json` prints it.
#[derive(Serialize)]
struct Answer<'a> {
    queue: &'a str,
    id: &'a str,
    /// `cancelled`, `requested` or `finished`.
    outcome: &'static str,
    /// The state that the job is in now; `unknown` when nothing of it was kept.
    state: String,
}

pub(super) fn run(args: JobArgs, call: &Call<'_>) -> Result<Exit, Abort> {
    let JobCommands::Cancel(args) = args.command;
    let faults = |faults: Vec<Fault>| Abort::faults(&faults, &call.names);
    let sources = given::sources(call.matches).map_err(faults)?;
    let mut reader = Reader::new(&sources);
    let redis = reader.redis();
    let prefix = reader.prefix();
    let store = reader.store();
    let field = reader.content_job_field();
    let wait = args.wait.as_deref().filter(|text| !text.is_empty());
    let wait = wait.map_or(Ok(Duration::from_secs(10)), duration);
    if let Err(fault) = &wait {
        reader.fault(&format!("--wait: {fault}"));
    }
    let _entries = reader.finish().map_err(faults)?;
    let reason = args.reason.as_deref().filter(|text| !text.is_empty());
    let cancel = Cancel {
        reason: reason.unwrap_or("on request"),
        wait: wait.unwrap_or_default(),
        store: &store,
        field: &field,
    };
    serving::runtime()?.block_on(async {
        let client = Client::with_options(redis.options.clone())
            .await
            .map_err(|error| serving::not_started(&error, &redis.options))?;
        let job = client.prefix(prefix).queue(&args.queue).job(&args.id);
        let answer = cancel.run(&job, &args).await;
        let (answer, exit) = answer.map_err(|error| refused(&error, &args.queue, &args.id))?;
        tell(&answer, args.json.json)?;
        Ok(exit)
    })
}

/// What was asked for.
struct Cancel<'a> {
    reason: &'a str,
    wait: Duration,
    store: &'a StoreChoice,
    field: &'a str,
}

impl Cancel<'_> {
    async fn run<'a>(
        &self,
        job: &JobHandle,
        args: &'a CancelArgs,
    ) -> Result<(Answer<'a>, Exit), Error> {
        let answer = |outcome, state: String| Answer {
            queue: &args.queue,
            id: &args.id,
            outcome,
            state,
        };
        let deadline = Instant::now() + self.wait;
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut requested = false;
        loop {
            let asked = match job.cancel_knowing(self.reason).await {
                // Its worker stopped it, and nothing is kept of jobs that fail.
                Err(Error::JobNotFound { .. }) if requested => {
                    return Ok((answer("cancelled", "unknown".into()), Exit::Fine));
                }
                asked => asked?,
            };
            match asked {
                (CancelOutcome::Cancelled { .. }, record) => {
                    self.note(record.as_ref(), &args.queue, &args.id).await;
                    let state = job.state().await?.to_string();
                    return Ok((answer("cancelled", state), Exit::Fine));
                }
                (CancelOutcome::Finished { state }, _) if requested && state == "failed" => {
                    return Ok((answer("cancelled", state), Exit::Fine));
                }
                (CancelOutcome::Finished { state }, _) => {
                    return Ok((answer("finished", state), Exit::Failed));
                }
                (CancelOutcome::Requested, _) => requested = true,
            }
            if self.wait.is_zero() {
                return Ok((answer("requested", "active".into()), Exit::Fine));
            }
            // Put back meanwhile, it is cancelled by the next try.
            loop {
                looks.tick().await;
                if job.state().await? != "active" {
                    break;
                }
                if Instant::now() >= deadline {
                    return Ok((answer("requested", "active".into()), Exit::Failed));
                }
            }
        }
    }

    /// The job is cancelled; a row that cannot say so is worth a warning, not a failure.
    async fn note(&self, record: Option<&JobRecord>, queue: &str, id: &str) {
        let Some(record) = record else { return };
        let noted = note_cancelled(self.store, self.field, record, queue, self.reason).await;
        if let Err(error) = noted {
            output::warn(&format!(
                "job `{id}` is cancelled, but the job store does not say so: {error}"
            ));
        }
    }
}

fn tell(answer: &Answer<'_>, json: bool) -> Result<(), Abort> {
    if json {
        return output::json(answer);
    }
    let Answer {
        queue, id, state, ..
    } = answer;
    let sentence = match answer.outcome {
        "cancelled" => format!("job `{id}` of queue `{queue}` is cancelled"),
        "finished" => format!("job `{id}` of queue `{queue}` had ended before: it is {state}"),
        _ => format!(
            "job `{id}` of queue `{queue}` still runs; its worker was asked to stop it \
             (workers of another kind than bullrs cannot be told)"
        ),
    };
    output::text(&format!("{sentence}\n"))
}

fn refused(error: &Error, queue: &str, id: &str) -> Abort {
    match error {
        Error::JobNotFound { .. } => {
            Abort::new(Exit::Failed, format!("queue `{queue}` has no job `{id}`"))
                .hint("`--prefix` must equal the app's")
        }
        Error::SchedulerJob { .. } => Abort::new(
            Exit::Failed,
            format!("job `{id}` is the next iteration of a job scheduler"),
        )
        .hint("without it the scheduler would end; remove the scheduler instead"),
        Error::Redis {
            transient: true, ..
        } => Abort::new(Exit::Unreachable, "redis went away").because(error),
        Error::Invalid { .. } | Error::Options(_) => Abort::new(Exit::Usage, error.to_string()),
        _ => Abort::new(Exit::Failed, "the job cannot be cancelled").because(error),
    }
}
