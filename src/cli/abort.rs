//! Why a command gave up, as it is shown: `error:`, `cause:`, `hint:`.

use std::{
    error::Error as StdError,
    io::{self, IsTerminal as _, Write as _},
};

use super::Exit;
use crate::config::{Fault, Redactor};

/// A command's end before its work was done.
#[derive(Debug)]
pub(super) struct Abort {
    pub(super) exit: Exit,
    message: String,
    causes: Vec<String>,
    hint: Option<String>,
}

impl Abort {
    /// Ends with this code and message: lower case, no full stop, the user's words in backticks.
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            causes: Vec::new(),
            hint: None,
        }
    }

    /// The reader of standard output went away: not a failure, and nobody is left to tell.
    pub(super) fn closed_pipe() -> Self {
        Self::new(Exit::Fine, "")
    }

    /// Adds an error and what caused it, each on a line of its own.
    pub(super) fn because(mut self, error: &(dyn StdError + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(error) = next {
            let text = error.to_string();
            // Wrappers often repeat the text of what they wrap.
            if self.causes.last().is_none_or(|last| !last.contains(&text)) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    /// Adds a cause in words.
    pub(super) fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Says what to do about it.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Everything that is wrong with what the process was told.
    pub(super) fn faults(faults: &[Fault], command: &str) -> Self {
        let abort = match faults {
            [fault] => Self::new(Exit::Usage, fault.to_string()),
            _ => faults.iter().fold(
                Self::new(Exit::Usage, format!("{} settings are wrong", faults.len())),
                |abort, fault| abort.cause(fault.to_string()),
            ),
        };
        abort.hint(format!("`bullrs {command} --help` explains every setting"))
    }

    /// Writes it to standard error, without credentials.
    pub(super) fn print(&self, redactor: &Redactor) {
        if self.message.is_empty() {
            return;
        }
        let text = self.render(redactor, is_coloured(&io::stderr()));
        // Nobody is left to be told that standard error is closed.
        let _unseen = io::stderr().write_all(text.as_bytes());
    }

    fn render(&self, redactor: &Redactor, coloured: bool) -> String {
        let paint = |code: &str, label: &str| {
            if coloured {
                format!("\x1b[{code}m{label}\x1b[0m")
            } else {
                label.to_owned()
            }
        };
        let mut text = format!("{} {}\n", paint("1;31", "error:"), self.message);
        for cause in &self.causes {
            text.extend(["  ", &paint("1", "cause:"), " ", cause, "\n"]);
        }
        if let Some(hint) = &self.hint {
            text.extend(["\n", &paint("1;36", "hint:"), " ", hint, "\n"]);
        }
        redactor.clean(&text).into_owned()
    }
}

impl From<io::Error> for Abort {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::closed_pipe();
        }
        Self::new(Exit::Failed, "cannot write the output").cause(crate::config::reason(&error))
    }
}

/// Colours only where they can be seen and nobody asked for none (<https://no-color.org>).
pub(super) fn is_coloured(stream: &impl io::IsTerminal) -> bool {
    let asks_for_none = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    stream.is_terminal() && !asks_for_none && !is_dumb
}

/// Whether people read standard error.
pub(super) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_indented_and_the_hint_stands_apart() {
        let abort = Abort::new(
            Exit::Unreachable,
            "cannot reach redis at `redis://:pw@cache`",
        )
        .cause("connection refused")
        .hint("start it");
        assert_eq!(
            abort.render(&Redactor::new(), false),
            "error: cannot reach redis at `redis://***@cache`\n  \
             cause: connection refused\n\nhint: start it\n"
        );
        assert_eq!(
            Abort::new(Exit::Failed, "no").render(&Redactor::new(), true),
            "\x1b[1;31merror:\x1b[0m no\n"
        );
    }

    #[test]
    fn a_chain_is_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot read: {source}")]
        struct Outer {
            source: Inner,
        }
        #[derive(Debug, thiserror::Error)]
        #[error("disk is gone")]
        struct Inner;
        let abort = Abort::new(Exit::Failed, "no").because(&Outer { source: Inner });
        assert_eq!(abort.causes, ["cannot read: disk is gone"]);
    }
}
