//! Flags that several commands share. Their values stay texts: `config` parses them together with
//! the environment and the file, so that all faults come at once.

#![expect(
    clippy::doc_markdown,
    reason = "the docs of flags are the help texts, where ticks around every name are noise"
)]

use clap::Args;

use crate::config::switch;

/// `--config`.
#[derive(Debug, Args)]
pub(super) struct ConfigArgs {
    /// Configuration file [default: bullrs.toml, where there is one]
    #[arg(long, value_name = "FILE", env = "BULLRS_CONFIG")]
    config: Option<String>,
}

/// Where Redis is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Redis")]
pub(super) struct RedisArgs {
    /// Redis, or one of its nodes or sentinels [default: redis://127.0.0.1:6379]
    ///
    /// redis://, rediss:// (TLS), unix://, redis+cluster:// or redis+sentinel://; the handbook has
    /// examples. REDIS_URL is read too. Credentials may stand in the URL; they are never printed.
    #[arg(long, value_name = "URL", env = "BULLRS_REDIS_URL")]
    redis_url: Option<String>,

    /// Authorities to trust for TLS, in PEM [default: the public ones]
    #[arg(long, value_name = "FILE", env = "BULLRS_REDIS_CA")]
    redis_ca: Option<String>,

    /// Client certificate for TLS, in PEM [default: none]
    #[arg(long, value_name = "FILE", env = "BULLRS_REDIS_CERT")]
    redis_cert: Option<String>,

    /// Key of the client certificate, in PEM [default: none]
    #[arg(long, value_name = "FILE", env = "BULLRS_REDIS_KEY")]
    redis_key: Option<String>,

    /// Start of every key; must equal the app's [default: bull]
    #[arg(long, value_name = "TEXT", env = "BULLRS_PREFIX")]
    prefix: Option<String>,
}

/// Where the job store is.
#[derive(Debug, Args)]
#[command(next_help_heading = "Job store")]
pub(super) struct DatabaseArgs {
    /// Job store: postgres:// or sqlite:FILE [default: sqlite:bullrs.db]
    ///
    /// DATABASE_URL is read too. A database that was named must be reachable.
    #[arg(long, value_name = "URL", env = "BULLRS_DATABASE_URL")]
    database_url: Option<String>,
}

/// Whether there is a job store, and how jobs name their rows.
#[derive(Debug, Args)]
#[command(next_help_heading = "Job store")]
pub(super) struct StoreArgs {
    #[command(flatten)]
    database: DatabaseArgs,

    /// Run pure BullMQ: write no rows [default: false]
    #[arg(long, value_name = "BOOL", env = "BULLRS_NO_STORE")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_store: Option<String>,

    /// Field of a job's data with the id of its row in content_jobs [default: contentJobId]
    #[arg(long, value_name = "FIELD", env = "BULLRS_CONTENT_JOB_FIELD")]
    content_job_field: Option<String>,
}

/// Which queues, and how many jobs at once.
#[derive(Debug, Args)]
#[command(next_help_heading = "Queues")]
pub(super) struct QueueArgs {
    /// Queues to serve, most important first [default: the [queues.*] tables]
    ///
    /// Each may have its own concurrency: `content:10,fineTune:2`.
    #[arg(long, value_name = "NAME[:N],...", env = "BULLRS_QUEUES")]
    queues: Option<String>,

    /// Jobs at once, for each queue that has no number of its own [default: 1]
    #[arg(long, value_name = "N", env = "BULLRS_CONCURRENCY")]
    concurrency: Option<String>,

    /// Jobs at once over all queues [default: no limit]
    ///
    /// JOB_MAX_CONCURRENCY is read too.
    #[arg(long, value_name = "N", env = "BULLRS_MAX_CONCURRENCY")]
    max_concurrency: Option<String>,

    /// Shares of --max-concurrency, where several queues have work [default: 1 each]
    ///
    /// `content:3,fineTune:1` gives content three slots for each one of fineTune. What one queue
    /// does not use, the others may.
    #[arg(long, value_name = "NAME:N,...", env = "BULLRS_WEIGHTS")]
    weights: Option<String>,

    /// Serve a queue only while all queues before it are empty [default: false]
    #[arg(long, value_name = "BOOL", env = "BULLRS_STRICT")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    strict: Option<String>,

    /// Exit once every queue is empty and nothing runs [default: false]
    #[arg(long, value_name = "BOOL", env = "BULLRS_BURST")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    burst: Option<String>,
}

/// The rules that all queues of a worker share.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tuning")]
pub(super) struct TuningArgs {
    /// How long running jobs may go on after the first TERM or INT [default: 25s]
    ///
    /// Then they are cancelled and handed back without using an attempt. Keep it below what the
    /// orchestrator allows (30s in Kubernetes, 10s in Docker by default).
    #[arg(long, value_name = "DURATION", env = "BULLRS_DRAIN")]
    drain: Option<String>,

    /// How long a cancelled job may take to end by itself [default: 5s]
    #[arg(long, value_name = "DURATION", env = "BULLRS_CANCEL_GRACE")]
    cancel_grace: Option<String>,

    /// How long a job's lock lasts without being renewed [default: 30s]
    ///
    /// Too short, and jobs run twice on a busy machine; too long, and a crashed worker's jobs wait
    /// that long. At least 100ms.
    #[arg(long, value_name = "DURATION", env = "BULLRS_LOCK_DURATION")]
    lock_duration: Option<String>,

    /// How often to look for jobs whose worker died [default: 30s]
    #[arg(long, value_name = "DURATION", env = "BULLRS_STALLED_INTERVAL")]
    stalled_interval: Option<String>,

    /// How often a job may stall before it fails [default: 1]
    #[arg(long, value_name = "N", env = "BULLRS_MAX_STALLED")]
    max_stalled: Option<String>,

    /// How often a job may be started, stalls included, before it fails [default: no limit]
    #[arg(long, value_name = "N", env = "BULLRS_MAX_STARTED_ATTEMPTS")]
    max_started_attempts: Option<String>,

    /// Longest wait for work before a queue is looked at anyway [default: 5s]
    #[arg(long, value_name = "DURATION", env = "BULLRS_DRAIN_DELAY")]
    drain_delay: Option<String>,

    /// Attempts of jobs whose producer set none [default: 1, as in BullMQ]
    ///
    /// JOB_DEFAULT_ATTEMPTS is read too.
    #[arg(long, value_name = "N", env = "BULLRS_DEFAULT_ATTEMPTS")]
    default_attempts: Option<String>,

    /// What to keep of completed jobs whose producer did not say [default: everything]
    ///
    /// `true` removes them at once, `100` keeps the last hundred, `24h` those of a day, `100,24h`
    /// what meets both.
    #[arg(long, value_name = "KEEP", env = "BULLRS_REMOVE_ON_COMPLETE")]
    remove_on_complete: Option<String>,

    /// The same for failed jobs [default: everything]
    #[arg(long, value_name = "KEEP", env = "BULLRS_REMOVE_ON_FAIL")]
    remove_on_fail: Option<String>,

    /// Keep counts per minute that dashboards draw: `true` (two weeks) or minutes [default: false]
    ///
    /// BULLMQ_METRICS_ENABLED is read too.
    #[arg(long, value_name = "METRICS", env = "BULLRS_METRICS")]
    metrics: Option<String>,

    /// Name that dashboards show and jobs keep; ASCII without spaces [default: none]
    #[arg(long, value_name = "NAME", env = "BULLRS_NAME")]
    name: Option<String>,

    /// Wait on all queues over one connection; dashboards then see one worker [default: false]
    #[arg(long, value_name = "BOOL", env = "BULLRS_SHARE_BLOCKING")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    share_blocking: Option<String>,
}

/// What is answered over HTTP.
#[derive(Debug, Args)]
#[command(next_help_heading = "HTTP")]
pub(super) struct HttpArgs {
    /// Answer /healthz and /readyz on this address, such as 127.0.0.1:9400 [default: off]
    ///
    /// An address that other machines can reach needs BULLRS_API_TOKEN.
    #[arg(long, value_name = "ADDRESS", env = "BULLRS_HTTP")]
    http: Option<String>,
}

/// What is logged, to standard error.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logging")]
pub(super) struct LogArgs {
    /// `json` or `pretty` [default: pretty on a terminal, else json]
    #[arg(long, value_name = "FORMAT", env = "BULLRS_LOG_FORMAT")]
    log_format: Option<String>,

    /// off, error, warn, info, debug or trace, and differing modules [default: info]
    ///
    /// As in `info,sqlx=debug`. BULLRS_LOG is read too.
    #[arg(long, value_name = "LEVEL", env = "BULLRS_LOG_LEVEL")]
    log_level: Option<String>,
}

/// `--json`.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct JsonArgs {
    /// Print JSON
    #[arg(long, env = "BULLRS_JSON", value_parser = switch_or_unset)]
    pub(super) json: bool,
}

/// A switch from the environment; an empty variable counts as unset.
pub(super) fn switch_or_unset(text: &str) -> Result<bool, String> {
    if text.is_empty() {
        return Ok(false);
    }
    switch(text)
}
