//! `bullrs scripts export`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Abort, Exit, output};
use crate::{config::reason, script};

/// The Lua scripts that run inside Redis
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(super) struct ScriptsArgs {
    #[command(subcommand)]
    command: ScriptsCommands,
}

#[derive(Debug, Subcommand)]
enum ScriptsCommands {
    /// Write every script, fully assembled, as DIR/<name>-<number of keys>.lua
    ///
    /// Scripts with a counterpart in `bullmq` have its name, keys and arguments, so that stock
    /// Node `bullmq` can run on them.
    #[command(after_help = "Examples:\n  bullrs scripts export ./lua-for-review")]
    Export {
        /// Made when it does not exist; files of the same names are replaced
        #[arg(value_name = "DIR")]
        directory: PathBuf,
    },
}

pub(super) fn run(args: ScriptsArgs) -> Result<Exit, Abort> {
    let ScriptsCommands::Export { directory } = args.command;
    let count = script::export(&directory).map_err(|error| {
        let message = format!("cannot write scripts to `{}`", directory.display());
        Abort::new(Exit::Failed, message).cause(reason(&error))
    })?;
    output::text(&format!(
        "wrote {count} scripts to {}\n",
        directory.display()
    ))?;
    Ok(Exit::Fine)
}
