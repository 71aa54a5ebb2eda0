//! `bullrs completions`.

use clap::Args;
use clap_complete::{Shell, generate};

use super::{Abort, Exit, output};

/// Print a completion script for your shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bullrs completions bash > ~/.local/share/bash-completion/completions/bullrs
  bullrs completions zsh > ~/.zfunc/_bullrs
  bullrs completions fish > ~/.config/fish/completions/bullrs.fish")]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs) -> Result<Exit, Abort> {
    let mut script = Vec::new();
    generate(args.shell, &mut super::definition(), "bullrs", &mut script);
    output::text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}
