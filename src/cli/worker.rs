//! `bullrs worker`.

use std::sync::Arc;

use clap::Args;

use super::{
    Abort, Call, Exit,
    args::{ConfigArgs, HttpArgs, JsonArgs, LogArgs, QueueArgs, RedisArgs, StoreArgs, TuningArgs},
    explain, given,
    http::{self, Http},
    log,
    reload::Reloader,
    serving,
    store::Storage,
};
use crate::{
    config::{Fault, LogFilter, Reader, Sources, StoreChoice},
    processor::{Builtins, Resolver, Source as _, openai::OpenAiOptions},
    store::JobRecorderOptions,
    worker::Worker,
};

/// Run the jobs of one or more queues
///
/// Serves the queues beside any Node workers until it is told to stop. Jobs, retries, progress and
/// events are what stock `bullmq` would show. Rows of the app's `content_jobs` follow the jobs when
/// there is a job store.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = LONG)]
pub(super) struct WorkerArgs {
    /// Print what would run each job, and exit
    #[arg(long, env = "BULLRS_EXPLAIN", value_parser = super::args::switch_or_unset)]
    explain: bool,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    _config: ConfigArgs,
    #[command(flatten)]
    _queues: QueueArgs,
    #[command(flatten)]
    _redis: RedisArgs,
    #[command(flatten)]
    _store: StoreArgs,
    #[command(flatten)]
    _tuning: TuningArgs,
    #[command(flatten)]
    _http: HttpArgs,
    #[command(flatten)]
    _log: LogArgs,
}

const EXAMPLES: &str = "\
Examples:
  bullrs worker --queues content,fineTune
  bullrs worker --queues content:10,fineTune:2 --strict
  bullrs worker --queues content --explain
  bullrs worker --queues content --burst --no-store";

const LONG: &str = "\
Examples:
  bullrs worker --queues content,fineTune
  bullrs worker --queues content:10,fineTune:2 --strict
  bullrs worker --queues content --explain
  bullrs worker --queues content --burst --no-store

Durations:
  500ms, 5s, 2m, 1h; a bare number is milliseconds.

Environment:
  BULLRS_*                Every flag has a variable; flags beat it, it beats bullrs.toml
  REDIS_URL               As --redis-url
  DATABASE_URL            As --database-url
  BULLMQ_METRICS_ENABLED  As --metrics
  JOB_DEFAULT_ATTEMPTS    As --default-attempts
  JOB_MAX_CONCURRENCY     As --max-concurrency
  BULLRS_LOG              As --log-level
  BULLRS_PAYLOAD_KEYS     id:base64,older:base64; opens encrypted payloads
  BULLRS_API_TOKEN        Needed where other machines can reach the address of --http
  OPENAI_BASE_URL         The API that the built-in processors speak to
  OPENAI_API_KEY          Its key
  NO_COLOR                No colours

Signals:
  TERM, INT  Drain for --drain, then hand back what still runs; again: hand back at once
  TSTP       Fetch nothing more, until CONT
  CONT       Fetch again
  HUP        Read the configuration again; log_level takes effect, the log names the rest
  USR1       Log the running jobs

Exit codes:
  0  fine
  1  failed
  2  wrong usage or configuration
  3  Redis or the database cannot be reached
  5  work was abandoned on shutdown";

/// Reads the settings whose change a running worker can notice.
fn read(reader: &mut Reader<'_>) -> LogFilter {
    let log = reader.log();
    let _redis = reader.redis();
    let _store = reader.store();
    let _field = reader.content_job_field();
    let _options = reader.worker();
    let _http = reader.http();
    log.filter
}

pub(super) fn run(args: &WorkerArgs, call: &Call<'_>) -> Result<Exit, Abort> {
    let faults = |faults: Vec<Fault>| Abort::faults(&faults, &call.names);
    let sources = given::sources(call.matches).map_err(faults)?;
    let mut redactor = given::redactor(&sources);
    let mut reader = Reader::new(&sources);
    let log_choice = reader.log();
    let redis = reader.redis();
    let store_choice = reader.store();
    let content_job_field = reader.content_job_field();
    let options = reader.worker();
    let http = Http::read(&sources, &mut reader);
    let keyring = given::keyring(&sources, &mut reader);
    let api = api(&sources, &mut reader);
    let entries = reader.finish().map_err(faults)?;
    redactor.learn_url(&redis.url);
    if let StoreChoice::Configured(url) = &store_choice {
        redactor.learn_url(url);
    }
    if args.explain {
        let resolver = Resolver::new().then(Builtins::new(api, None));
        explain::print(&resolver, &options, args.json.json)?;
        return Ok(Exit::Fine);
    }

    let logs = log::install(&log_choice, redactor)?;
    let recording = JobRecorderOptions {
        content_job_field,
        default_attempts: options.default_attempts.unwrap_or(1),
        ..JobRecorderOptions::default()
    };
    let storage = Storage::open(&store_choice, keyring, recording)?;
    let health = http::health(storage.as_ref());
    let server = http.map(|http| http.answer(&health)).transpose()?;
    let recap = storage.as_ref().map(Storage::recap);
    let builtins = Builtins::new(api, recap);
    let resolver = Arc::new(Resolver::new().then(builtins.clone()));
    let queues: Vec<String> = options
        .queues
        .iter()
        .map(|queue| format!("{}:{}", queue.name, queue.concurrency))
        .collect();
    let idle = explain::idle(&resolver, &options).join(",");
    let mut worker = Worker::new(redis.options.clone(), options.clone());
    for queue in &options.queues {
        worker = worker.processor(&queue.name, resolver.clone() as _);
    }
    if let Some(storage) = &storage {
        worker = worker.observer(storage.recorder());
    }
    let store = storage.as_ref().map(|storage| storage.store().place());
    let announce = || {
        tracing::info!(
            version = env!("CARGO_PKG_VERSION"),
            queues = queues.join(","),
            max_concurrency = options.total_concurrency,
            redis = %redis.options,
            store = store.as_deref().unwrap_or("none"),
            "worker is ready"
        );
        let serves_builtins = options
            .queues
            .iter()
            .any(|queue| !builtins.names(&queue.name).is_empty());
        if let (true, Err(error)) = (serves_builtins, builtins.check()) {
            tracing::warn!(%error, "the built-in processors cannot reach their API; jobs that need it will fail");
        }
        if !idle.is_empty() {
            tracing::warn!(
                queues = idle,
                "no processor for any job of these queues; their jobs will fail \
                 (`--explain` shows what is looked for)"
            );
        }
    };

    let runtime = serving::runtime()?;
    let reloader = Reloader::new(call, logs, entries, read);
    let ended = runtime.block_on(serving::serve(
        worker,
        &redis.options,
        reloader,
        Arc::default(),
        Some(health),
        announce,
    ));
    // Handlers that ignore their cancellation must not keep the process.
    runtime.shutdown_background();
    let all_written = storage.is_none_or(Storage::close);
    // To the last: who asks shall hear that the worker stops, not nothing.
    drop(server);
    match ended?.exit() {
        Exit::Fine if !all_written => Ok(Exit::Abandoned),
        exit => Ok(exit),
    }
}

/// How the built-in processors reach their API; without queues for them it does not matter.
fn api(sources: &Sources, reader: &mut Reader<'_>) -> OpenAiOptions {
    OpenAiOptions::from_env(|name| sources.environment.get(name).cloned()).unwrap_or_else(|error| {
        reader.fault(&error.to_string());
        OpenAiOptions::default()
    })
}
