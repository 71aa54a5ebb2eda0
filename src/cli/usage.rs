//! The parser's complaints, in our form, and with what the parser cannot know.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Abort, Exit, output};

/// Commands and flags of the handbook that this version does not have yet.
const LATER: [&str; 14] = [
    "--scheduler",
    "--processors",
    "scheduler",
    "serve",
    "doctor",
    "queue",
    "flow",
    "schedule",
    "events",
    "top",
    "queues",
    "jobs",
    "workers",
    "dev",
];

/// Prints help or the version, or turns a complaint into an [`Abort`].
pub(super) fn answer(error: &clap::Error) -> Result<Exit, Abort> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = error.render();
            if super::abort::is_coloured(&std::io::stdout()) {
                output::text(&text.ansi().to_string())?;
            } else {
                output::text(&text.to_string())?;
            }
            Ok(Exit::Fine)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            eprint!("{}", error.render());
            Ok(Exit::Usage)
        }
        _ => Err(complaint(error)),
    }
}

fn complaint(error: &clap::Error) -> Abort {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join("`, `")),
        _ => None,
    };
    let argument = word(ContextKind::InvalidArg).unwrap_or_default();
    let flag = argument.split([' ', '[', '=']).next().unwrap_or_default();
    let value = word(ContextKind::InvalidValue).unwrap_or_default();
    let message = match error.kind() {
        ErrorKind::UnknownArgument if argument.starts_with('-') => {
            format!("unknown flag `{argument}`")
        }
        ErrorKind::UnknownArgument => format!("unexpected argument `{argument}`"),
        ErrorKind::InvalidSubcommand => {
            let command = word(ContextKind::InvalidSubcommand).unwrap_or_default();
            return later(&command).unwrap_or_else(|| {
                suggest(
                    error,
                    Abort::new(Exit::Usage, format!("unknown command `{command}`")),
                )
            });
        }
        ErrorKind::MissingRequiredArgument => format!("missing `{argument}`"),
        ErrorKind::MissingSubcommand => "a command is missing".to_owned(),
        ErrorKind::InvalidValue if value.is_empty() => format!("`{argument}` needs a value"),
        ErrorKind::NoEquals => format!("write the value of `{argument}` behind a `=`"),
        ErrorKind::ValueValidation => match std::error::Error::source(error) {
            Some(reason) => format!("{flag}: {reason}"),
            None => format!("`{value}` is no value for `{flag}`"),
        },
        ErrorKind::InvalidValue => format!("`{value}` is no value for `{flag}`"),
        ErrorKind::ArgumentConflict => match word(ContextKind::PriorArg) {
            Some(prior) if prior != argument => {
                format!("`{argument}` and `{prior}` exclude each other")
            }
            _ => format!("`{argument}` is given twice"),
        },
        ErrorKind::TooManyValues => format!("`{value}` is one value too many for `{argument}`"),
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        _ => first_line(error),
    };
    later(&argument).unwrap_or_else(|| suggest(error, Abort::new(Exit::Usage, message)))
}

fn later(word: &str) -> Option<Abort> {
    LATER.contains(&word).then(|| {
        Abort::new(
            Exit::Usage,
            format!("`{word}` is not supported by this version"),
        )
        .hint("`bullrs --help` lists what is")
    })
}

fn suggest(error: &clap::Error, abort: Abort) -> Abort {
    let suggested = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
    ]
    .into_iter()
    .find_map(|kind| match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => texts.first().cloned(),
        _ => None,
    });
    if let Some(suggested) = suggested {
        return abort.hint(format!("did you mean `{suggested}`?"));
    }
    if let Some(ContextValue::Strings(values)) = error.get(ContextKind::ValidValue)
        && !values.is_empty()
    {
        return abort.hint(format!("write one of `{}`", values.join("`, `")));
    }
    if error.kind() == ErrorKind::InvalidSubcommand {
        return abort.hint("`bullrs --help` lists the commands");
    }
    match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => {
            let usage = usage.to_string();
            let usage = usage.lines().next().unwrap_or_default();
            abort.hint(usage.replacen("Usage:", "usage:", 1))
        }
        _ => abort,
    }
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
