//! The settings of a worker: its queues, their limits, and the rules they share.

use std::time::Duration;

use super::{
    Metrics, Origin, QueueSection, QueueSpec, Reader, duration_text, keep_jobs, key, metrics,
    parse::{count, weight_list},
    queue_list,
};
use crate::{
    wire::Limiter,
    worker::{QueueOptions, WorkerOptions},
};

const NONE: Duration = Duration::ZERO;
const MILLISECOND: Duration = Duration::from_millis(1);

impl Reader<'_> {
    /// What a worker can be told. After a fault the result has defaults in its place.
    pub fn worker(&mut self) -> WorkerOptions {
        let prefix = self.value(&key::PREFIX, prefix).1;
        let mut options = WorkerOptions::new(self.queues());
        if let Some(prefix) = prefix {
            options.prefix = prefix;
        }
        options.total_concurrency = self
            .count(&key::MAX_CONCURRENCY, 1)
            .map(|number| number as usize);
        options.name = self.value(&key::NAME, worker_name).1;
        options.burst = self.switch(&key::BURST);
        options.strict = self.switch(&key::STRICT);
        options.share_blocking = self.switch(&key::SHARE_BLOCKING);
        for (slot, key, least) in [
            (&mut options.drain, &key::DRAIN, NONE),
            (&mut options.cancel_grace, &key::CANCEL_GRACE, NONE),
            (
                &mut options.lock_duration,
                &key::LOCK_DURATION,
                Duration::from_millis(100),
            ),
            (
                &mut options.stalled_interval,
                &key::STALLED_INTERVAL,
                MILLISECOND,
            ),
            (&mut options.drain_delay, &key::DRAIN_DELAY, MILLISECOND),
        ] {
            if let Some(duration) = self.duration(key, least) {
                *slot = duration;
            }
        }
        if let Some(count) = self.count(&key::MAX_STALLED, 0) {
            options.max_stalled_count = count;
        }
        options.max_started_attempts = self.count(&key::MAX_STARTED_ATTEMPTS, 1);
        options.default_attempts = self.count(&key::DEFAULT_ATTEMPTS, 1);
        options.remove_on_complete = self.value(&key::REMOVE_ON_COMPLETE, keep_jobs).1;
        options.remove_on_fail = self.value(&key::REMOVE_ON_FAIL, keep_jobs).1;
        options.metrics = match self.value(&key::METRICS, metrics).1 {
            Some(Metrics::Minutes(minutes)) => Some(minutes),
            Some(Metrics::Off) | None => None,
        };
        if self.faults.is_empty()
            && let Err(error) = options.validate()
        {
            self.fault(&error.to_string());
        }
        options
    }

    /// The queues to serve, each with the concurrency of its strongest source.
    fn queues(&mut self) -> Vec<QueueOptions> {
        let (listed, specs) = self.specs();
        let (general_origin, general) = self.value(&key::CONCURRENCY, |text| count(text, 1));
        let sections = self.file.as_ref().map(|file| file.queues().to_vec());
        let sections = sections.unwrap_or_default();
        if specs.is_empty() && listed == Origin::Default {
            self.fault(
                "no queue to serve; name them with `--queues content,fineTune` \
                 or in `[queues.NAME]` tables",
            );
        }
        let (weights_origin, weights) = self.weights(&specs);
        let mut queues = Vec::with_capacity(specs.len());
        for spec in specs {
            let section = sections.iter().find(|section| section.name == spec.name);
            let mut queue = QueueOptions::new(&spec.name);
            // The strongest source wins; within one source, the more specific value.
            let mut candidates = Vec::from([(Origin::Default, 1)]);
            candidates.extend(general.map(|number| (general_origin.clone(), number as usize)));
            candidates.extend(self.section_concurrency(section));
            candidates.extend(spec.concurrency.map(|number| (listed.clone(), number)));
            if let Some((origin, number)) = candidates
                .into_iter()
                .rev()
                .min_by_key(|(origin, _)| origin.rank())
            {
                queue.concurrency = number;
                let path = format!("queues.{}.concurrency", spec.name);
                self.entry(&path, &number.to_string(), origin);
            }
            let listed = weights.iter().find(|(name, _)| *name == spec.name);
            let weight = match listed {
                Some((_, weight)) => Some((weights_origin.clone(), *weight)),
                None => self.section_weight(section),
            };
            if let Some((origin, weight)) = weight {
                queue.weight = weight;
                let path = format!("queues.{}.weight", spec.name);
                self.entry(&path, &weight.to_string(), origin);
            }
            if let Some(section) = section {
                self.section_entries(section);
                queue.limiter = section.limiter;
                queue.timeout = section.timeout;
                queue.ttl = section.ttl;
                queue.jobs.clone_from(&section.jobs);
            }
            queues.push(queue);
        }
        queues
    }

    /// The queues by name, from the list or, without one, from the file's tables.
    fn specs(&mut self) -> (Origin, Vec<QueueSpec>) {
        let found = self.sources.find(&key::QUEUES, self.file.as_ref());
        let Some((origin, text)) = found else {
            let sections = self.file.as_ref().map_or(&[][..], |file| file.queues());
            let specs: Vec<QueueSpec> = sections
                .iter()
                .map(|section| QueueSpec {
                    name: section.name.clone(),
                    concurrency: None,
                })
                .collect();
            let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
            let names = names.join(",");
            self.entry(&key::QUEUES.path(), &names, Origin::Default);
            return (Origin::Default, specs);
        };
        self.entry(&key::QUEUES.path(), &text, origin.clone());
        match queue_list(&text) {
            Ok(specs) => (origin, specs),
            Err(errors) => {
                for error in errors {
                    self.complain(&key::QUEUES, &origin, &error);
                }
                (origin, Vec::new())
            }
        }
    }

    /// The weights of `--weights`, which must be of queues that are served.
    fn weights(&mut self, specs: &[QueueSpec]) -> (Origin, Vec<(String, u32)>) {
        let (origin, weights) = self.value(&key::WEIGHTS, |text| {
            let weights = weight_list(text)?;
            let stranger = weights
                .iter()
                .find(|(name, _)| !specs.iter().any(|spec| spec.name == *name));
            match stranger {
                Some((name, _)) => Err(format!("names queue `{name}`, which is not served")),
                None => Ok(weights),
            }
        });
        (origin, weights.unwrap_or_default())
    }

    fn section_weight(&self, section: Option<&QueueSection>) -> Option<(Origin, u32)> {
        let (number, line) = section?.weight?;
        Some((self.file.as_ref()?.origin(line), number))
    }

    fn section_entries(&mut self, section: &QueueSection) {
        let Some(origin) = self.file.as_ref().map(|file| file.origin(section.line)) else {
            return;
        };
        let table = format!("queues.{}", section.name);
        if let Some(Limiter { max, duration }) = section.limiter {
            let value = format!("{max} per {}", duration_text(duration));
            self.entry(&format!("{table}.limiter"), &value, origin.clone());
        }
        for (name, own) in &section.jobs {
            if let Some(concurrency) = own.concurrency {
                let path = format!("{table}.jobs.{name}.concurrency");
                self.entry(&path, &concurrency.to_string(), origin.clone());
            }
        }
        let mut limits = vec![(table.clone(), section.timeout, section.ttl)];
        for (name, own) in &section.jobs {
            limits.push((format!("{table}.jobs.{name}"), own.timeout, own.ttl));
        }
        for (table, timeout, ttl) in limits {
            for (key, value) in [("timeout", timeout), ("ttl", ttl)] {
                if let Some(value) = value {
                    let path = format!("{table}.{key}");
                    self.entry(&path, &duration_text(value), origin.clone());
                }
            }
        }
    }

    fn section_concurrency(&self, section: Option<&QueueSection>) -> Option<(Origin, usize)> {
        let (number, line) = section?.concurrency?;
        Some((self.file.as_ref()?.origin(line), number))
    }
}

pub(super) fn prefix(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("must not be empty".into());
    }
    Ok(text.to_owned())
}

/// `CLIENT SETNAME` refuses anything else.
fn worker_name(text: &str) -> Result<String, String> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.is_empty() {
        return Ok(text.to_owned());
    }
    Err(format!(
        "must be printable ASCII without spaces, got `{text}`"
    ))
}

#[cfg(test)]
mod tests;
