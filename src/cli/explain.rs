//! `bullrs worker --explain`: what would run each job.

use super::{Abort, output};
use crate::{processor::Resolver, worker::WorkerOptions};

/// Prints the resolution for each queue.
pub(super) fn print(
    resolver: &Resolver,
    options: &WorkerOptions,
    as_json: bool,
) -> Result<(), Abort> {
    let explained = resolver.explain(options.queues.iter().map(|queue| queue.name.as_str()));
    if as_json {
        return output::json(&explained);
    }
    let mut text = String::new();
    for queue in explained {
        text.extend(["queue ", &queue.queue, "\n"]);
        let mut rows: Vec<[String; 3]> = queue
            .jobs
            .into_iter()
            .map(|job| [String::new(), job.name, job.route.processor])
            .collect();
        let others = match queue.others {
            Some(route) => route.processor,
            None => format!("fails; looked for {}", queue.looked_for.join(", then ")),
        };
        rows.push([String::new(), "(any other)".into(), others]);
        text.push_str(&output::columns(&rows));
    }
    output::text(&text)
}

/// The queues none of whose jobs could run.
pub(super) fn idle<'o>(resolver: &Resolver, options: &'o WorkerOptions) -> Vec<&'o str> {
    options
        .queues
        .iter()
        .map(|queue| queue.name.as_str())
        .filter(|queue| {
            resolver
                .explain([*queue])
                .iter()
                .all(|queue| queue.jobs.is_empty() && queue.others.is_none())
        })
        .collect()
}
