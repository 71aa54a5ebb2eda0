//! The command line: parse, call, print.

mod abort;
mod args;
mod bench;
mod completions;
mod config;
mod exit;
mod explain;
mod given;
mod http;
mod job;
mod log;
mod migrate;
mod output;
mod payload;
mod reload;
mod scripts;
mod serving;
mod signal;
mod store;
mod synthetic;
mod usage;
mod worker;

use std::{ffi::OsString, process::ExitCode};

use clap::{ArgMatches, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use abort::Abort;
use exit::Exit;

/// Runs BullMQ jobs in Rust, beside the Node app that adds them
///
/// bullrs serves the queues of an app that enqueues with stock `bullmq`: retries, progress, events
/// and dashboards stay as they are.
#[derive(Debug, Parser)]
#[command(
    name = "bullrs",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
#[command(after_help = EXAMPLES, after_long_help = LONG)]
struct Cli {
    #[command(subcommand)]
    command: Commands,
}

const EXAMPLES: &str = "\
Examples:
  bullrs worker --queues content,fineTune
  bullrs config show
  bullrs payload keygen";

const LONG: &str = "\
Examples:
  bullrs worker --queues content,fineTune
  bullrs config show
  bullrs payload keygen

Configuration:
  Flags beat the environment, the environment beats bullrs.toml, the file beats the defaults.
  Every flag has a variable: --lock-duration is BULLRS_LOCK_DURATION. The app's own REDIS_URL,
  DATABASE_URL, BULLMQ_METRICS_ENABLED, JOB_DEFAULT_ATTEMPTS and JOB_MAX_CONCURRENCY are read
  too; BULLRS_* beats them.

Exit codes:
  0  fine
  1  failed
  2  wrong usage or configuration
  3  Redis or the database cannot be reached
  5  work was abandoned on shutdown";

#[derive(Debug, Subcommand)]
enum Commands {
    Worker(Box<worker::WorkerArgs>),
    Job(job::JobArgs),
    Migrate(migrate::MigrateArgs),
    Payload(payload::PayloadArgs),
    Scripts(scripts::ScriptsArgs),
    Bench(bench::BenchArgs),
    Config(config::ConfigArgs),
    Completions(completions::CompletionsArgs),
}

/// Runs the command line of this process and says how it ended.
pub fn run() -> ExitCode {
    run_with(std::env::args_os())
}

/// Runs a command line; the first argument is the program's name.
pub fn run_with(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let ended = match definition().try_get_matches_from(arguments) {
        Ok(matches) => dispatch(&matches),
        Err(error) => usage::answer(&error),
    };
    match ended {
        Ok(exit) => exit.into(),
        Err(abort) => {
            abort.print(&given::known_secrets());
            abort.exit.into()
        }
    }
}

fn dispatch(matches: &ArgMatches) -> Result<Exit, Abort> {
    let cli = Cli::from_arg_matches(matches).map_err(|error| match usage::answer(&error) {
        Ok(exit) => Abort::new(exit, ""),
        Err(abort) => abort,
    })?;
    // The innermost command's matches know where its values came from.
    let mut innermost = matches;
    let mut names = Vec::new();
    while let Some((name, inner)) = innermost.subcommand() {
        names.push(name);
        innermost = inner;
    }
    let call = Call {
        matches: innermost,
        names: names.join(" "),
    };
    match cli.command {
        Commands::Worker(args) => worker::run(&args, &call),
        Commands::Job(args) => job::run(args, &call),
        Commands::Migrate(args) => migrate::run(&args, &call),
        Commands::Payload(args) => payload::run(args, &call),
        Commands::Scripts(args) => scripts::run(args),
        Commands::Bench(args) => bench::run(args, &call),
        Commands::Config(args) => config::run(args, &call),
        Commands::Completions(args) => completions::run(&args),
    }
}

/// A command as it was typed.
struct Call<'m> {
    matches: &'m ArgMatches,
    /// Such as `payload rotate`.
    names: String,
}

/// The whole command tree. Values of variables are hidden: they may be credentials.
fn definition() -> Command {
    fn quieten(command: Command) -> Command {
        command
            .mut_args(|arg| arg.hide_env_values(true))
            .mut_subcommands(quieten)
    }
    quieten(Cli::command())
}

#[cfg(test)]
mod tests;
