//! Where processors come from: one source for each way to name them.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

use crate::worker::Processor;

/// A processor and how it was found.
#[derive(Clone)]
pub struct Route {
    /// What runs the job, in words: `built-in content.generate`, `jobs/processors/content.ts`.
    pub label: String,
    /// What runs the job.
    pub processor: Arc<dyn Processor>,
}

impl Route {
    /// Names a processor.
    pub fn new(label: impl Into<String>, processor: Arc<dyn Processor>) -> Self {
        Self {
            label: label.into(),
            processor,
        }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

/// One way to name processors. A [`Resolver`](super::Resolver) asks several, in order.
pub trait Source: Send + Sync + 'static {
    /// The processor for jobs of this name: the name's own, else the queue's.
    fn route(&self, queue: &str, name: &str) -> Option<Route>;

    /// The processor for names that have none of their own.
    fn others(&self, queue: &str) -> Option<Route>;

    /// The names that have a processor of their own.
    fn names(&self, queue: &str) -> Vec<String>;

    /// What was looked for, as a part of a sentence: "`[queues.a]` in the config".
    fn looked_for(&self, queue: &str, name: &str) -> String;

    /// What this source is called in `--explain`.
    fn title(&self) -> &'static str;
}

/// Processors that were named beforehand, for jobs of a name or for a whole queue.
#[derive(Debug)]
pub struct Table {
    kind: Kind,
    queues: BTreeMap<String, Entry>,
}

#[derive(Debug)]
enum Kind {
    Config,
    Files(Option<PathBuf>),
}

#[derive(Debug, Default)]
struct Entry {
    jobs: BTreeMap<String, Route>,
    whole: Option<Route>,
}

impl Table {
    /// For what the config file names: `[queues.Q.jobs.N]`, then `[queues.Q]`.
    pub fn config() -> Self {
        Self {
            kind: Kind::Config,
            queues: BTreeMap::new(),
        }
    }

    /// For the files under a directory, or for none where there is no such directory.
    pub fn files(directory: Option<PathBuf>) -> Self {
        Self {
            kind: Kind::Files(directory),
            queues: BTreeMap::new(),
        }
    }

    /// Gives the jobs of a name a processor. The first one stands.
    pub fn add_job(&mut self, queue: &str, name: &str, route: Route) {
        let jobs = &mut self.queues.entry(queue.to_owned()).or_default().jobs;
        jobs.entry(name.to_owned()).or_insert(route);
    }

    /// Gives all other jobs of a queue a processor. The first one stands.
    pub fn add_queue(&mut self, queue: &str, route: Route) {
        let entry = self.queues.entry(queue.to_owned()).or_default();
        entry.whole.get_or_insert(route);
    }
}

impl Source for Table {
    fn route(&self, queue: &str, name: &str) -> Option<Route> {
        let entry = self.queues.get(queue)?;
        entry.jobs.get(name).or(entry.whole.as_ref()).cloned()
    }

    fn others(&self, queue: &str) -> Option<Route> {
        self.queues.get(queue)?.whole.clone()
    }

    fn names(&self, queue: &str) -> Vec<String> {
        let entry = self.queues.get(queue);
        entry.map_or_else(Vec::new, |entry| entry.jobs.keys().cloned().collect())
    }

    fn looked_for(&self, queue: &str, name: &str) -> String {
        match &self.kind {
            Kind::Config => {
                let (queue, name) = (toml_key(queue), toml_key(name));
                format!("`[queues.{queue}.jobs.{name}]` and `[queues.{queue}]` in the config")
            }
            Kind::Files(Some(directory)) => format!(
                "`{queue}/{name}`, `{queue}.{name}`, `{name}` and `{queue}` \
                 (.js .mjs .cjs .ts .mts) under `{}`",
                directory.display()
            ),
            Kind::Files(None) => "a file (there is no directory of processors)".into(),
        }
    }

    fn title(&self) -> &'static str {
        match self.kind {
            Kind::Config => "config",
            Kind::Files(_) => "file",
        }
    }
}

/// A key as it stands in TOML: quoted unless it is bare. The resolver has escaped it already.
fn toml_key(key: &str) -> String {
    let bare = !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare {
        key.to_owned()
    } else {
        format!("\"{key}\"")
    }
}
