//! From a job's name to its processor.

use std::{collections::BTreeMap, fmt, sync::Arc};

use futures_util::future::BoxFuture;

use super::{Outcome, Processor, RawJob};
use crate::{BoxError, Failure};

/// Runs each job by its name; is itself a [`Processor`].
#[derive(Clone, Default)]
pub struct Router {
    by_name: BTreeMap<String, Arc<dyn Processor>>,
    fallback: Option<Arc<dyn Processor>>,
}

impl Router {
    /// A router that knows no name: every job fails.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs jobs of this name with this processor.
    #[must_use]
    pub fn route(mut self, name: impl Into<String>, processor: Arc<dyn Processor>) -> Self {
        self.by_name.insert(name.into(), processor);
        self
    }

    /// Runs jobs of any other name with this processor.
    #[must_use]
    pub fn fallback(mut self, processor: Arc<dyn Processor>) -> Self {
        self.fallback = Some(processor);
        self
    }
}

impl Processor for Router {
    fn process(&self, job: RawJob) -> BoxFuture<'_, Result<Outcome, BoxError>> {
        match self.by_name.get(job.name()).or(self.fallback.as_ref()) {
            Some(processor) => processor.process(job),
            None => Box::pin(async move {
                let known: Vec<_> = self
                    .by_name
                    .keys()
                    .map(|name| format!("`{name}`"))
                    .collect();
                Err(Failure::unrecoverable(format!(
                    "no handler for job name `{}` in queue `{}`; this worker knows {}",
                    job.name(),
                    job.queue(),
                    if known.is_empty() {
                        "none".to_owned()
                    } else {
                        known.join(", ")
                    }
                ))
                .into())
            }),
        }
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router")
            .field("names", &self.by_name.keys())
            .finish_non_exhaustive()
    }
}
