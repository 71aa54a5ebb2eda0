//! The built-in processors, which speak the OpenAI-compatible API at `OPENAI_BASE_URL`.
//!
//! Queue `content` has `generate` and `recap`, queue `fineTune` has `export`, `start` and `cancel`.
//! Inputs, results and what happens on each error: `docs/processors-openai.md`.

mod assembly;
mod client;
mod completion;
mod content;
mod error;
mod export;
mod exports;
mod fine_tune;
mod input;
mod object;
mod options;
mod recap;
mod redact;
mod refusal;
mod report;
mod request;
mod stream;
mod training;

use std::{fmt, sync::Arc};

pub use client::OpenAi;
pub use error::ApiError;
pub use options::{ApiKey, OpenAiOptions};

use self::error::Halt;
use super::{RecapSource, Route, Source};
use crate::{Result, worker::Processor};

/// Queues, names and nothing else: what is built in.
const TABLE: [(&str, &[&str]); 2] = [
    ("content", &["generate", "recap"]),
    ("fineTune", &["export", "start", "cancel"]),
];

/// The built-in processors. Cheap to clone.
///
/// Making them never fails: where the API is not configured, [`check`](Self::check) says why, and
/// so does each job that needs it.
#[derive(Clone)]
pub struct Builtins(Arc<Shared>);

struct Shared {
    options: OpenAiOptions,
    api: Result<OpenAi>,
    recap: Option<Arc<dyn RecapSource>>,
}

impl Builtins {
    /// The built-ins, talking to the API that the options name. `recap` is what `content.recap`
    /// reads; without it those jobs fail.
    pub fn new(options: OpenAiOptions, recap: Option<Arc<dyn RecapSource>>) -> Self {
        let api = OpenAi::new(&options);
        Self(Arc::new(Shared {
            options,
            api,
            recap,
        }))
    }

    /// Whether the API is configured; says what to set when it is not. Connects to nothing.
    ///
    /// # Errors
    /// The broken rules of [`OpenAiOptions`].
    pub fn check(&self) -> Result<(), &crate::Error> {
        self.0.api.as_ref().map(|_| ())
    }

    /// The built-in for jobs of this queue and name.
    pub fn find(&self, queue: &str, name: &str) -> Option<Arc<dyn Processor>> {
        let own = self.clone();
        Some(match (queue, name) {
            ("content", "generate") => Arc::new(content::Generate(own)),
            ("content", "recap") => Arc::new(recap::Recap(own)),
            ("fineTune", "export") => Arc::new(export::Export(own)),
            ("fineTune", "start") => Arc::new(fine_tune::Start(own)),
            ("fineTune", "cancel") => Arc::new(fine_tune::Cancel(own)),
            _ => return None,
        })
    }

    /// The API's client, or why there is none.
    fn api(&self) -> Result<&OpenAi, Halt> {
        self.0
            .api
            .as_ref()
            .map_err(|error| Halt::for_good(error.to_string()))
    }

    fn options(&self) -> &OpenAiOptions {
        &self.0.options
    }

    fn recap_source(&self) -> Option<&Arc<dyn RecapSource>> {
        self.0.recap.as_ref()
    }
}

impl fmt::Debug for Builtins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builtins")
            .field("options", &self.0.options)
            .field("recap", &self.0.recap.is_some())
            .finish_non_exhaustive()
    }
}

impl Source for Builtins {
    fn route(&self, queue: &str, name: &str) -> Option<Route> {
        let processor = self.find(queue, name)?;
        Some(Route::new(format!("built-in {queue}.{name}"), processor))
    }

    fn others(&self, _queue: &str) -> Option<Route> {
        None
    }

    fn names(&self, queue: &str) -> Vec<String> {
        TABLE
            .iter()
            .filter(|(own, _)| *own == queue)
            .flat_map(|(_, names)| names.iter().map(ToString::to_string))
            .collect()
    }

    fn looked_for(&self, queue: &str, _name: &str) -> String {
        let names = self.names(queue);
        if names.is_empty() {
            return "a built-in (queues `content` and `fineTune` have some)".into();
        }
        format!("a built-in (`{queue}` has `{}`)", names.join("`, `"))
    }

    fn title(&self) -> &'static str {
        "built-in"
    }
}
