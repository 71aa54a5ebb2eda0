//! Which processor runs a job: the first source that has one.

use std::{collections::BTreeSet, fmt, sync::Arc};

use futures_util::future::BoxFuture;
use serde::Serialize;

use super::{Route, Source};
use crate::{
    BoxError, Failure,
    worker::{Outcome, Processor, RawJob},
};

/// Longest job or queue name that an error repeats, in characters.
const SHOWN: usize = 100;

/// Hands each job to the first source that has a processor for it; is itself a [`Processor`].
///
/// A job that no source knows fails unrecoverably, with everything that was looked for.
#[derive(Clone, Default)]
pub struct Resolver {
    sources: Vec<Arc<dyn Source>>,
}

impl Resolver {
    /// A resolver without sources: every job fails.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a source that is asked after all those added before.
    #[must_use]
    pub fn then(mut self, source: impl Source) -> Self {
        self.sources.push(Arc::new(source));
        self
    }

    /// The processor for jobs of this name, if any source has one.
    pub fn route(&self, queue: &str, name: &str) -> Option<Route> {
        self.sources
            .iter()
            .find_map(|source| source.route(queue, name))
    }

    /// What a job of this name would be told when no source knows it.
    pub fn missing(&self, queue: &str, name: &str) -> String {
        let (queue, name) = (shown(queue), shown(name));
        let looked: Vec<String> = self
            .sources
            .iter()
            .map(|source| source.looked_for(&queue, &name))
            .collect();
        let looked = if looked.is_empty() {
            "nowhere".to_owned()
        } else {
            looked.join(", then ")
        };
        format!("no processor for job `{name}` of queue `{queue}`; looked for {looked}")
    }

    /// What runs each job of these queues, for `--explain`.
    pub fn explain<'a>(&self, queues: impl IntoIterator<Item = &'a str>) -> Vec<Explanation> {
        queues
            .into_iter()
            .map(|queue| self.explain_queue(queue))
            .collect()
    }

    fn explain_queue(&self, queue: &str) -> Explanation {
        let names: BTreeSet<String> = self
            .sources
            .iter()
            .flat_map(|source| source.names(queue))
            .collect();
        let jobs = names
            .into_iter()
            .filter_map(|name| {
                let route = self.pick(|source| source.route(queue, &name))?;
                Some(ExplainedJob { name, route })
            })
            .collect();
        Explanation {
            queue: queue.to_owned(),
            jobs,
            others: self.pick(|source| source.others(queue)),
            looked_for: self
                .sources
                .iter()
                .map(|source| source.looked_for(queue, "<name>"))
                .collect(),
        }
    }

    /// The first route that `find` gets out of a source, and the later ones that it hides.
    fn pick(&self, find: impl Fn(&dyn Source) -> Option<Route>) -> Option<ExplainedRoute> {
        let mut found = self.sources.iter().filter_map(|source| {
            let route = find(source.as_ref())?;
            Some((source.title(), route.label))
        });
        let (source, processor) = found.next()?;
        Some(ExplainedRoute {
            source,
            processor,
            hides: found.map(|(_, label)| label).collect(),
        })
    }
}

impl Processor for Resolver {
    fn process(&self, job: RawJob) -> BoxFuture<'_, Result<Outcome, BoxError>> {
        Box::pin(async move {
            match self.route(job.queue(), job.name()) {
                Some(route) => route.processor.process(job).await,
                None => Err(Failure::unrecoverable(self.missing(job.queue(), job.name())).into()),
            }
        })
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let titles = self.sources.iter().map(|source| source.title());
        f.debug_list().entries(titles).finish()
    }
}

/// What runs the jobs of one queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Explanation {
    /// The queue's name.
    pub queue: String,
    /// Names that have a processor of their own, in alphabetical order.
    pub jobs: Vec<ExplainedJob>,
    /// What runs jobs of any other name; without it they fail.
    pub others: Option<ExplainedRoute>,
    /// Everything that is looked for, in order; `<name>` stands for the job's name.
    pub looked_for: Vec<String>,
}

/// What runs the jobs of one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ExplainedJob {
    /// The job's name.
    pub name: String,
    /// What runs it.
    pub route: ExplainedRoute,
}

/// A processor as `--explain` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ExplainedRoute {
    /// `config`, `file` or `built-in`.
    pub source: &'static str,
    /// What runs the job, in words.
    pub processor: String,
    /// What would run it if this one were not there.
    pub hides: Vec<String>,
}

/// A name that a producer chose, made fit for a message: short and on one line.
fn shown(name: &str) -> String {
    let mut text: String = name
        .chars()
        .take(SHOWN)
        .flat_map(char::escape_debug)
        .collect();
    if name.chars().nth(SHOWN).is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::processor::Table;

    struct Named(&'static str);

    impl Processor for Named {
        fn process(&self, _job: RawJob) -> BoxFuture<'_, Result<Outcome, BoxError>> {
            Box::pin(async { Ok(Outcome::done(&self.0)?) })
        }
    }

    fn route(label: &'static str) -> Route {
        Route::new(label, Arc::new(Named(label)))
    }

    fn resolver() -> Resolver {
        let mut config = Table::config();
        config.add_job("content", "recap", route("http"));
        config.add_queue("mail", route("exec"));
        let mut files = Table::files(Some("jobs/processors".into()));
        files.add_job("content", "recap", route("content/recap.ts"));
        files.add_job("content", "resize", route("content.resize.js"));
        files.add_job("mail", "send", route("mail/send.js"));
        files.add_queue("images", route("images.mjs"));
        Resolver::new().then(config).then(files)
    }

    #[test]
    fn the_first_source_wins_even_with_a_processor_for_the_whole_queue() {
        let resolver = resolver();
        let label = |queue, name| resolver.route(queue, name).map(|route| route.label);
        assert_eq!(label("content", "recap").as_deref(), Some("http"));
        assert_eq!(
            label("content", "resize").as_deref(),
            Some("content.resize.js")
        );
        assert_eq!(label("mail", "send").as_deref(), Some("exec"));
        assert_eq!(label("images", "anything").as_deref(), Some("images.mjs"));
        assert_eq!(label("content", "other"), None);
    }

    #[tokio::test]
    async fn an_unknown_name_fails_for_good_and_says_what_was_looked_for() {
        let job = Arc::new(crate::testing::Recorder::default()).job(
            "content",
            "a\nb",
            &serde_json::json!({}),
        );
        let error = resolver().process(job).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "no processor for job `a\\nb` of queue `content`; looked for \
             `[queues.content.jobs.\"a\\nb\"]` and `[queues.content]` in the config, then \
             `content/a\\nb`, `content.a\\nb`, `a\\nb` and `content` (.js .mjs .cjs .ts .mts) \
             under `jobs/processors`"
        );
        assert!(error.downcast_ref::<Failure>().is_some());
    }

    #[test]
    fn explaining_names_what_runs_each_job_and_what_it_hides() {
        let explained = resolver().explain(["content", "mail"]);
        assert_eq!(
            serde_json::to_value(&explained[0]).unwrap(),
            serde_json::json!({
                "queue": "content",
                "jobs": [
                    {"name": "recap", "route": {
                        "source": "config", "processor": "http", "hides": ["content/recap.ts"]
                    }},
                    {"name": "resize", "route": {
                        "source": "file", "processor": "content.resize.js", "hides": []
                    }},
                ],
                "others": null,
                "lookedFor": [
                    "`[queues.content.jobs.\"<name>\"]` and `[queues.content]` in the config",
                    "`content/<name>`, `content.<name>`, `<name>` and `content` \
                     (.js .mjs .cjs .ts .mts) under `jobs/processors`",
                ],
            })
        );
        assert_eq!(explained[1].others.as_ref().unwrap().processor, "exec");
        assert_eq!(explained[1].jobs[0].route.hides, ["mail/send.js"]);
    }
}
