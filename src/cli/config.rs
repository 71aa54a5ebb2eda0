//! `bullrs config show`.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    Abort, Call, Exit,
    args::{self, HttpArgs, JsonArgs, LogArgs, QueueArgs, RedisArgs, StoreArgs, TuningArgs},
    given,
    http::Http,
    output,
};
use crate::config::{Fault, Origin, Reader};

/// What a worker would be told, and by whom
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommands,
}

#[derive(Debug, Subcommand)]
enum ConfigCommands {
    Show(Box<ShowArgs>),
}

/// Print every setting of a worker with its value and where it comes from
///
/// It takes the flags of `bullrs worker`, reads the same variables and the same file, and exits
/// with 2 when a worker would refuse them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bullrs config show
  bullrs config show --queues content:10 --json")]
struct ShowArgs {
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    _config: args::ConfigArgs,
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

/// A setting as `--json` prints it.
#[derive(Serialize)]
struct Shown {
    key: String,
    value: String,
    origin: String,
}

pub(super) fn run(args: ConfigArgs, call: &Call<'_>) -> Result<Exit, Abort> {
    let ConfigCommands::Show(args) = args.command;
    let faults = |faults: Vec<Fault>| Abort::faults(&faults, &call.names);
    let sources = given::sources(call.matches).map_err(faults)?;
    let redactor = given::redactor(&sources);
    let mut reader = Reader::new(&sources);
    let _redis = reader.redis();
    let _store = reader.store();
    let _field = reader.content_job_field();
    let _log = reader.log();
    let _options = reader.worker();
    let _http = Http::read(&sources, &mut reader);
    let entries = reader.finish().map_err(faults)?;
    let shown: Vec<Shown> = entries
        .into_iter()
        .map(|entry| Shown {
            key: entry.path,
            value: redactor.clean(&entry.value).into_owned(),
            origin: entry.origin.to_string(),
        })
        .collect();
    if args.json.json {
        output::json(&shown)?;
    } else {
        let default = Origin::Default.to_string();
        let rows: Vec<[String; 3]> = shown
            .into_iter()
            .map(|one| {
                let value = if one.value.is_empty() {
                    "-".into()
                } else {
                    one.value
                };
                let origin = if one.origin == default {
                    String::new()
                } else {
                    one.origin
                };
                [one.key, value, origin]
            })
            .collect();
        output::text(&output::columns(&rows))?;
    }
    Ok(Exit::Fine)
}
