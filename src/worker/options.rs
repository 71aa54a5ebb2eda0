//! What a worker can be told; checked once, all at once, before anything connects.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    Error, Result,
    wire::{KeepJobs, Limiter, QueueKeys},
};

/// Options of one worker process: its queues and the rules that they share.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WorkerOptions {
    /// Start of every key; must equal the producers'. Defaults to `bull`.
    pub prefix: String,
    /// The queues to serve, most important first. At least one.
    pub queues: Vec<QueueOptions>,
    /// Most jobs that run at once over all queues (`JOB_MAX_CONCURRENCY`). No limit by default.
    pub total_concurrency: Option<usize>,
    /// Name that dashboards show and jobs keep as `pb` (printable ASCII, no spaces). None by
    /// default.
    pub name: Option<String>,
    /// How long a job may run without its lock being renewed before another worker may take it.
    ///
    /// Too short and jobs run twice on a busy machine; too long and a crashed worker's jobs wait
    /// that long. Defaults to 30 s.
    pub lock_duration: Duration,
    /// How often to look for jobs whose worker died. Defaults to 30 s.
    pub stalled_interval: Duration,
    /// How often a job may stall before it fails. Defaults to 1.
    pub max_stalled_count: u32,
    /// Longest wait for work before the queue is looked at anyway. Defaults to 5 s.
    pub drain_delay: Duration,
    /// Longest pause while a queue is rate limited, so that delayed jobs are still promoted.
    /// Defaults to 30 s.
    pub maximum_rate_limit_delay: Duration,
    /// How long running jobs may go on after a stop was asked for. Defaults to 25 s.
    pub drain: Duration,
    /// How long a cancelled job may take to end by itself before it is dropped. Defaults to 5 s.
    pub cancel_grace: Duration,
    /// Serves a queue only while all queues named before it are empty. Off by default.
    pub strict: bool,
    /// Waits on all queues over one blocking connection; `getWorkers()` then sees one. Off by
    /// default.
    pub share_blocking: bool,
    /// Ends by itself once all queues are empty and nothing runs. Off by default.
    pub burst: bool,
    /// Minutes of history to keep per queue in `metrics:*`; none by default.
    pub metrics: Option<u32>,
    /// Attempts of jobs whose producer set none (`JOB_DEFAULT_ATTEMPTS`). None by default.
    pub default_attempts: Option<u32>,
    /// What to keep of completed jobs whose producer did not say. Everything by default.
    pub remove_on_complete: Option<KeepJobs>,
    /// What to keep of failed jobs whose producer did not say. Everything by default.
    pub remove_on_fail: Option<KeepJobs>,
    /// How often a job may be started, stalls included, before it fails. No limit by default.
    pub max_started_attempts: Option<u32>,
    /// Leaves locks to run out: a job must end within `lock_duration`. Off by default.
    pub skip_lock_renewal: bool,
    /// Leaves it to other workers to hand back the jobs of dead ones. Off by default.
    pub skip_stalled_check: bool,
}

/// Options of one queue.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct QueueOptions {
    /// The queue's name, as producers use it.
    pub name: String,
    /// Most jobs of this queue that run at once in this process. Defaults to 1, as in Node.
    pub concurrency: usize,
    /// Its share of `total_concurrency`, relative to the other queues' weights. Defaults to 1.
    pub weight: u32,
    /// At most this many starts in each window, over all workers that set it. None by default.
    pub limiter: Option<Limiter>,
    /// Longest time for one attempt when the job sets no `timeout`. None by default.
    pub timeout: Option<Duration>,
    /// Age at which a job is no longer worth running when it sets no `ttl`. None by default.
    pub ttl: Option<Duration>,
    /// Differing rules for jobs of a name.
    pub jobs: BTreeMap<String, NameOptions>,
}

/// Options of the jobs of one name.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct NameOptions {
    /// Most jobs of this name that run at once in this process. Others of it stay waiting, and
    /// jobs of other names overtake them. No limit but the queue's by default.
    pub concurrency: Option<usize>,
    /// As [`QueueOptions::timeout`].
    pub timeout: Option<Duration>,
    /// As [`QueueOptions::ttl`].
    pub ttl: Option<Duration>,
}

impl QueueOptions {
    /// A queue with every default.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            concurrency: 1,
            weight: 1,
            limiter: None,
            timeout: None,
            ttl: None,
            jobs: BTreeMap::new(),
        }
    }

    /// The timeout and time to live that hold for jobs of this name.
    pub(crate) fn limits(&self, name: &str) -> (Option<Duration>, Option<Duration>) {
        let own = self.jobs.get(name);
        (
            own.and_then(|own| own.timeout).or(self.timeout),
            own.and_then(|own| own.ttl).or(self.ttl),
        )
    }
}

impl WorkerOptions {
    /// Serves these queues with every other default.
    pub fn new(queues: impl IntoIterator<Item = QueueOptions>) -> Self {
        Self {
            prefix: "bull".into(),
            queues: queues.into_iter().collect(),
            total_concurrency: None,
            name: None,
            lock_duration: Duration::from_secs(30),
            stalled_interval: Duration::from_secs(30),
            max_stalled_count: 1,
            drain_delay: Duration::from_secs(5),
            maximum_rate_limit_delay: Duration::from_secs(30),
            drain: Duration::from_secs(25),
            cancel_grace: Duration::from_secs(5),
            strict: false,
            share_blocking: false,
            burst: false,
            metrics: None,
            default_attempts: None,
            remove_on_complete: None,
            remove_on_fail: None,
            max_started_attempts: None,
            skip_lock_renewal: false,
            skip_stalled_check: false,
        }
    }

    /// Checks every rule and reports all that are broken, not just the first.
    ///
    /// # Errors
    /// One [`Error::Options`] that lists every broken rule.
    pub fn validate(&self) -> Result<()> {
        let mut faults = Vec::new();
        if self.queues.is_empty() {
            faults.push("`queues` must name at least one queue".to_owned());
        }
        let mut seen = std::collections::BTreeSet::new();
        for queue in &self.queues {
            match QueueKeys::new(&self.prefix, &queue.name)
                .map(|keys| keys.client_name(self.name.as_deref()))
            {
                Ok(Ok(_)) => {}
                Ok(Err(error)) | Err(error) => faults.push(error.to_string()),
            }
            if !seen.insert(&queue.name) {
                faults.push(format!("`queues` names `{}` twice", queue.name));
            }
            if queue.concurrency == 0 {
                faults.push(format!(
                    "`concurrency` of queue `{}` must be at least 1",
                    queue.name
                ));
            }
            if queue.weight == 0 {
                faults.push(format!(
                    "`weight` of queue `{}` must be at least 1",
                    queue.name
                ));
            }
            for (name, own) in &queue.jobs {
                if own.concurrency == Some(0) {
                    faults.push(format!(
                        "`concurrency` of jobs `{name}` in queue `{}` must be at least 1",
                        queue.name
                    ));
                }
            }
            if let Some(limiter) = queue.limiter
                && (limiter.max == 0 || limiter.duration.as_millis() == 0)
            {
                faults.push(format!(
                    "`limiter` of queue `{}` needs a `max` and a `duration` above 0",
                    queue.name
                ));
            }
        }
        if self.total_concurrency == Some(0) {
            faults.push("`total_concurrency` must be at least 1".into());
        }
        if self.queues.iter().any(|queue| queue.weight > 1) {
            if self.total_concurrency.is_none() {
                faults.push(
                    "`weight` shares out `total_concurrency` (`max_concurrency`), which is not set"
                        .into(),
                );
            }
            if self.strict {
                faults.push("`weight` and `strict` exclude each other".into());
            }
        }
        if self.lock_duration < Duration::from_millis(100) {
            faults.push(format!(
                "`lock_duration` must be at least 100 ms, got {:?}",
                self.lock_duration
            ));
        }
        if self.stalled_interval < Duration::from_millis(1) {
            faults.push("`stalled_interval` must be at least 1 ms".into());
        }
        if self.drain_delay < Duration::from_millis(1) {
            faults.push("`drain_delay` must be at least 1 ms".into());
        }
        faults.sort();
        faults.dedup();
        if faults.is_empty() {
            return Ok(());
        }
        Err(Error::Options(faults))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_broken_rule_is_reported_at_once() {
        let mut options = WorkerOptions::new([QueueOptions::new("a:b"), QueueOptions::new("c")]);
        options.queues[1].concurrency = 0;
        options.lock_duration = Duration::ZERO;
        assert_eq!(
            options.validate().unwrap_err().to_string(),
            "`concurrency` of queue `c` must be at least 1; \
             `lock_duration` must be at least 100 ms, got 0ns; \
             `queue` must not contain `:`, got `a:b`"
        );
    }
}
