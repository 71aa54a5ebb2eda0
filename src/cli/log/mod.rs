//! Logs: one line an event to standard error, for machines or for people, never with a secret.

mod field;
mod layer;
mod line;

use std::io;

use tracing_subscriber::{
    Layer as _, Registry, filter::Targets, layer::SubscriberExt as _, reload,
    util::SubscriberInitExt as _,
};

use super::{Abort, Exit, abort};
use crate::config::{LogChoice, LogFilter, LogFormat, Redactor};
use layer::Lines;
use line::Style;

/// The running log; what is shown can be changed.
#[derive(Debug)]
pub(super) struct Logs {
    filter: reload::Handle<Targets, Registry>,
}

/// Starts logging for the whole process.
///
/// # Errors
/// When something else in the process already logs.
pub(super) fn install(choice: &LogChoice, redactor: Redactor) -> Result<Logs, Abort> {
    let format = choice.format.unwrap_or(if abort::is_watched() {
        LogFormat::Pretty
    } else {
        LogFormat::Json
    });
    let style = match format {
        LogFormat::Json => Style::Json,
        LogFormat::Pretty => Style::Pretty {
            coloured: abort::is_coloured(&io::stderr()),
        },
    };
    let (filter, handle) = reload::Layer::new(choice.filter.targets());
    tracing_subscriber::registry()
        .with(Lines::new(style, redactor, io::stderr).with_filter(filter))
        .try_init()
        .map_err(|error| Abort::new(Exit::Failed, "cannot start logging").because(&error))?;
    Ok(Logs { filter: handle })
}

impl Logs {
    /// Shows what this filter lets through from now on.
    pub(super) fn show(&self, filter: &LogFilter) {
        if let Err(error) = self.filter.reload(filter.targets()) {
            tracing::warn!(%error, "cannot change the log level");
        }
    }
}
