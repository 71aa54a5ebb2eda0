//! Runs one job to its verdict: limits of time, cancellation, panics (WIRE §5.5).

use std::{
    pin::pin,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use super::{
    CancelReason, JobPort, Observer, Outcome, Processor, QueueOptions, RawJob,
    job::Cancellation,
    panic::{CatchPanic, Panicked},
    ticker::Ticker,
    verdict::{Ending, Fault, Rules, Verdict},
};
use crate::{
    BoxError, Failure, clock,
    script::call::Claimed,
    wire::{JobRecord, saturating_int},
};

/// What all executors of a queue share.
pub(super) struct Execution {
    pub(super) queue: Arc<str>,
    pub(super) options: QueueOptions,
    pub(super) rules: Rules,
    pub(super) processor: Arc<dyn Processor>,
    pub(super) observer: Option<Arc<dyn Observer>>,
    pub(super) port: Arc<dyn JobPort>,
    pub(super) ticker: Ticker,
    pub(super) cancel_grace: Duration,
}

/// A job in this process, from its claim until its outcome is written; seen by every role.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) id: String,
    pub(super) lock_token: String,
    /// Its name, where the queue has limits for names.
    pub(super) name: Option<String>,
    pub(super) since: Instant,
    pub(super) cancellation: Arc<Cancellation>,
    /// Set once the hash was read.
    pub(super) job: OnceLock<RawJob>,
}

/// A job whose handler is through.
#[derive(Debug)]
pub(super) struct Executed {
    pub(super) sequence: u64,
    pub(super) job: RawJob,
    pub(super) verdict: Verdict,
}

impl Execution {
    /// Reads the hash, runs the handler within the job's limits, and applies the rules.
    pub(super) async fn run(&self, sequence: u64, held: Arc<Held>, claimed: Claimed) -> Executed {
        let (lock_token, record) = claimed.into_record();
        let job = RawJob::with_cancellation(
            Arc::clone(&self.queue),
            record,
            lock_token,
            Arc::clone(&self.port),
            self.observer.clone(),
            Arc::clone(&held.cancellation),
        );
        let _first = held.job.set(job.clone());
        self.ticker.tick(job.record()).await;
        let ending = match self.reason_not_to_run(job.record()) {
            Some(reason) => Ending::Failed(Fault::unrecoverable(reason)),
            // Told to stop while the scheduler was armed: then it need not start.
            None if job.cancel_reason().is_some() => ending(None, job.cancel_reason()),
            None => self.attempt(&job).await,
        };
        let ending = match ending {
            Ending::Failed(mut fault) => {
                if let Some(note) = self
                    .rules
                    .unknown_backoff(job.record())
                    .filter(|_| fault.rule.is_none())
                {
                    fault.reason = format!("{} ({note})", fault.reason);
                }
                Ending::Failed(fault)
            }
            other => other,
        };
        // Only a backoff has jitter, and to draw a number is a system call.
        let random = match ending {
            Ending::Failed(_) => clock::random(),
            _ => 0.0,
        };
        let verdict = self.rules.decide(ending, job.record(), random);
        Executed {
            sequence,
            job,
            verdict,
        }
    }

    fn reason_not_to_run(&self, record: &JobRecord) -> Option<String> {
        if let Some(reason) = &record.deferred_failure {
            return Some(reason.clone());
        }
        if let Some(fault) = &record.fault {
            return Some(fault.clone());
        }
        if self
            .rules
            .max_started_attempts
            .is_some_and(|most| most < record.attempts_started)
        {
            return Some("job started more than allowable limit".into());
        }
        let ttl = record
            .opts
            .ttl
            .map(saturating_int)
            .or_else(|| self.options.limits(&record.name).1.map(millis))
            .filter(|ttl| *ttl > 0)?;
        let late = clock::now().saturating_sub(record.timestamp.saturating_add(ttl));
        (record.timestamp > 0 && late >= 0)
            .then(|| format!("expired {late} ms ago: its time to live was {ttl} ms"))
    }

    async fn attempt(&self, job: &RawJob) -> Ending {
        let timeout = self.timeout(job.record());
        let mut work = pin!(CatchPanic(Box::pin(self.work(job))));
        let deadline = async {
            match timeout {
                Some(timeout) => tokio::time::sleep_until((Instant::now() + timeout).into()).await,
                None => std::future::pending().await,
            }
        };
        let finished = tokio::select! {
            biased;
            result = &mut work => Some(result),
            () = job.cancellation().cancelled() => None,
            () = deadline => {
                job.cancel(CancelReason::TimedOut(timeout.map_or(0, |t| u64::try_from(t.as_millis()).unwrap_or(u64::MAX))));
                None
            }
        };
        let result = match finished {
            Some(result) => Some(result),
            // Asked to stop; what has not ended by itself after the grace is dropped.
            None => tokio::time::timeout(self.cancel_grace, work).await.ok(),
        };
        ending(result, job.cancel_reason())
    }

    async fn work(&self, job: &RawJob) -> Result<Outcome, BoxError> {
        if let Some(observer) = &self.observer
            && let Some(payload) = observer.starting(job).await?
        {
            job.attach_payload(payload);
        }
        self.processor.process(job.clone()).await
    }

    fn timeout(&self, record: &JobRecord) -> Option<Duration> {
        let own = record
            .opts
            .timeout
            .map(saturating_int)
            .filter(|timeout| *timeout > 0);
        own.and_then(|own| u64::try_from(own).ok())
            .map(Duration::from_millis)
            .or(self.options.limits(&record.name).0)
            // Beyond this an `Instant` may overflow; nobody waits for it.
            .map(|timeout| timeout.min(Duration::from_hours(876_000)))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Weighs what the handler returned against why it was told to stop, if it was.
fn ending(
    result: Option<Result<Result<Outcome, BoxError>, Panicked>>,
    cancelled: Option<CancelReason>,
) -> Ending {
    match (result, cancelled) {
        (_, Some(CancelReason::LockLost(_))) => Ending::Lost,
        // It ended well, even if it was told to stop: its work is done.
        (Some(Ok(Ok(outcome))), _) => Ending::Returned(outcome),
        (_, Some(CancelReason::Shutdown)) | (None, None) => Ending::Interrupted,
        (_, Some(reason @ CancelReason::Requested(_))) => {
            Ending::Failed(Fault::unrecoverable(reason.to_string()))
        }
        (_, Some(reason @ CancelReason::TimedOut(_))) => Ending::Failed(Fault {
            reason: reason.to_string(),
            trace: reason.to_string(),
            rule: None,
        }),
        (Some(Ok(Err(error))), None) => Ending::Failed(fault(error.as_ref())),
        (Some(Err(panicked)), None) => Ending::Failed(Fault {
            reason: panicked.message,
            trace: panicked.trace,
            rule: None,
        }),
    }
}

/// The error's chain as Node shows it: the message, then what caused it.
pub(super) fn fault(error: &(dyn std::error::Error + Send + Sync + 'static)) -> Fault {
    let reason = error.to_string();
    let mut trace = format!("Error: {reason}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        trace.push_str("\n    caused by: ");
        trace.push_str(&inner.to_string());
        cause = inner.source();
    }
    Fault {
        reason,
        trace,
        rule: Failure::rule_in(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "this is how a result comes back")]
    fn returned(
        result: Result<Outcome, &str>,
    ) -> Option<Result<Result<Outcome, BoxError>, Panicked>> {
        Some(Ok(result.map_err(Into::into)))
    }

    #[test]
    fn a_job_that_ended_well_counts_although_it_was_told_to_stop() {
        for reason in [CancelReason::Shutdown, CancelReason::TimedOut(5)] {
            let ending = ending(returned(Ok(Outcome::null())), Some(reason));
            assert!(matches!(ending, Ending::Returned(_)), "{ending:?}");
        }
    }

    #[test]
    fn a_lost_lock_overrides_everything() {
        let lost = || Some(CancelReason::LockLost("gone".into()));
        assert!(matches!(
            ending(returned(Ok(Outcome::null())), lost()),
            Ending::Lost
        ));
        assert!(matches!(ending(None, lost()), Ending::Lost));
    }

    #[test]
    fn each_way_to_stop_has_its_reason() {
        let reason = |cancelled| match ending(None, Some(cancelled)) {
            Ending::Failed(fault) => fault.reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            reason(CancelReason::TimedOut(250)),
            "timed out after 250 ms"
        );
        assert_eq!(
            reason(CancelReason::Requested("by Ann".into())),
            "cancelled: by Ann"
        );
        assert!(matches!(
            ending(returned(Err("x")), Some(CancelReason::Shutdown)),
            Ending::Interrupted
        ));
    }

    #[test]
    fn the_chain_of_causes_is_kept() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::io::Error);
        let fault = fault(&Outer(std::io::Error::other("inner")));
        assert_eq!(fault.reason, "outer");
        assert_eq!(fault.trace, "Error: outer\n    caused by: inner");
    }
}
