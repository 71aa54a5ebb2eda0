//! What becomes of a job after an attempt: the rules of WIRE §5.5. Pure.

use std::{fmt, time::Duration};

use super::{
    Outcome, SettledState,
    strategy::{FailedAttempt, Strategies, ask},
};
use crate::{
    backoff,
    error::Rule,
    script::call::FinishKind,
    wire::{JobRecord, KeepJobs, Pack, Packed, saturating_int},
};

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// The handler returned.
    Returned(Outcome),
    /// The handler failed, panicked, or never ran.
    Failed(Fault),
    /// The worker is stopping and the handler gave up for it.
    Interrupted,
    /// The job is no longer ours.
    Lost,
}

/// Why an attempt failed.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) reason: String,
    /// The entry for `stacktrace`.
    pub(super) trace: String,
    pub(super) rule: Option<Rule>,
}

impl Fault {
    /// A failure that no further attempt can mend.
    pub(super) fn unrecoverable(reason: String) -> Self {
        Self {
            trace: reason.clone(),
            reason,
            rule: Some(Rule::Unrecoverable),
        }
    }
}

/// The rules of a worker that a job's own options do not override.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) default_attempts: Option<u32>,
    pub(super) remove_on_complete: Option<KeepJobs>,
    pub(super) remove_on_fail: Option<KeepJobs>,
    pub(super) max_started_attempts: Option<u32>,
    pub(super) strategies: Strategies,
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").finish_non_exhaustive()
    }
}

/// What the worker does about a job.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Moves it out of `active`.
    Finish {
        kind: FinishKind,
        fields: Packed,
        state: SettledState,
    },
    /// Waits for its children, or runs again when none are pending.
    WaitChildren,
    /// Holds the queue and puts the job back.
    RateLimit(Duration),
    /// Writes nothing: another worker owns the job.
    Abandon,
}

impl Verdict {
    pub(super) fn hand_back() -> Self {
        Self::Finish {
            kind: FinishKind::Wait,
            fields: Vec::new(),
            state: SettledState::Released,
        }
    }
}

impl Rules {
    /// Attempts a job has; JavaScript clients write 0 when the producer set none.
    pub(super) fn attempts(&self, record: &JobRecord) -> f64 {
        match record.opts.attempts {
            Some(attempts) if attempts > 0.0 => attempts,
            own => self.default_attempts.map_or(own.unwrap_or(0.0), f64::from),
        }
    }

    /// Applies the rules to how the attempt ended. `random` is in `0..1`.
    pub(super) fn decide(&self, ending: Ending, record: &JobRecord, random: f64) -> Verdict {
        match ending {
            Ending::Returned(Outcome::Done(value)) => self.complete(value.get().to_owned(), record),
            Ending::Returned(Outcome::Delay(delay)) => {
                let delay = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                Verdict::Finish {
                    kind: FinishKind::Delayed {
                        delay,
                        skip_attempt: true,
                    },
                    fields: Vec::new(),
                    state: SettledState::Delayed(delay),
                }
            }
            Ending::Returned(Outcome::Wait) | Ending::Interrupted => Verdict::hand_back(),
            Ending::Returned(Outcome::WaitChildren) => Verdict::WaitChildren,
            Ending::Returned(Outcome::RateLimited(window)) => Verdict::RateLimit(window),
            Ending::Failed(fault) => self.fail(fault, record, random),
            Ending::Lost => Verdict::Abandon,
        }
    }

    fn complete(&self, value: String, record: &JobRecord) -> Verdict {
        let keep = record.opts.remove_on_complete.or(self.remove_on_complete);
        Verdict::Finish {
            kind: FinishKind::Completed {
                value: value.clone(),
                keep: keep.unwrap_or(KeepJobs::ALL),
            },
            fields: Vec::new(),
            state: SettledState::Completed(value),
        }
    }

    fn fail(&self, fault: Fault, record: &JobRecord, random: f64) -> Verdict {
        let attempts = self.attempts(record);
        let fields = failure_fields(record, &fault);
        match self.next_attempt(&fault, record, attempts, random) {
            Some(0) => Verdict::Finish {
                kind: FinishKind::Retry {
                    lifo: record.opts.lifo,
                },
                fields,
                state: SettledState::Retried {
                    reason: fault.reason,
                    delay: 0,
                },
            },
            Some(delay) => Verdict::Finish {
                kind: FinishKind::Delayed {
                    delay,
                    skip_attempt: false,
                },
                fields,
                state: SettledState::Retried {
                    reason: fault.reason,
                    delay,
                },
            },
            None => {
                let keep = record.opts.remove_on_fail.or(self.remove_on_fail);
                Verdict::Finish {
                    kind: FinishKind::Failed {
                        reason: fault.reason.clone(),
                        keep: keep.unwrap_or(KeepJobs::ALL),
                        attempts,
                    },
                    fields,
                    state: SettledState::Failed(fault.reason),
                }
            }
        }
    }

    /// Milliseconds to the next attempt, or `None` when there is none.
    fn next_attempt(
        &self,
        fault: &Fault,
        record: &JobRecord,
        attempts: f64,
        random: f64,
    ) -> Option<u64> {
        let made = record.attempts_made.saturating_add(1);
        let worn_out = self
            .max_started_attempts
            .is_some_and(|most| most <= record.attempts_started);
        if fault.rule == Some(Rule::Unrecoverable) || f64::from(made) >= attempts || worn_out {
            return None;
        }
        if let Some(Rule::RetryAfter(delay)) = fault.rule {
            return Some(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
        }
        let Some(backoff) = &record.opts.backoff else {
            return Some(0);
        };
        let built_in = backoff::delay(backoff, made, random);
        match self.strategies.find(&backoff.kind, built_in.is_some()) {
            Some(strategy) => {
                let attempt = FailedAttempt {
                    attempts_made: made,
                    backoff: &backoff.kind,
                    reason: &fault.reason,
                    job: record,
                };
                ask(strategy, &attempt)
            }
            None => built_in,
        }
    }

    /// Why this job's backoff cannot be followed, if an attempt is left that needs it.
    pub(super) fn unknown_backoff(&self, record: &JobRecord) -> Option<String> {
        let backoff = record.opts.backoff.as_ref()?;
        if f64::from(record.attempts_made.saturating_add(1)) >= self.attempts(record) {
            return None;
        }
        let known = backoff::delay(backoff, 1, 0.0).is_some()
            || self.strategies.find(&backoff.kind, false).is_some();
        (!known).then(|| {
            format!(
                "no further attempt: this worker does not know the backoff type `{}` \
                 (`fixed` and `exponential` are built in)",
                backoff.kind
            )
        })
    }
}

/// `failedReason` and `stacktrace`, the newest `stackTraceLimit` entries of it (WIRE §5.5).
pub(super) fn failure_fields(record: &JobRecord, fault: &Fault) -> Packed {
    let mut entries: Vec<&str> = record.stacktrace.iter().map(String::as_str).collect();
    entries.push(&fault.trace);
    if let Some(limit) = record.opts.stack_trace_limit {
        let limit = usize::try_from(saturating_int(limit).max(0)).unwrap_or(usize::MAX);
        entries.drain(..entries.len().saturating_sub(limit));
    }
    let stacktrace = serde_json::to_string(&entries).unwrap_or_else(|_| "[]".into());
    [
        "failedReason",
        fault.reason.as_str(),
        "stacktrace",
        stacktrace.as_str(),
    ]
    .into_iter()
    .collect::<Pack>()
    .done()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(opts: &str, made: &str) -> JobRecord {
        let fields = [
            ("name", "n"),
            ("data", "{}"),
            ("opts", opts),
            ("atm", made),
            ("ats", "3"),
        ];
        JobRecord::read("1", fields)
    }

    fn failed(rule: Option<Rule>) -> Ending {
        Ending::Failed(Fault {
            reason: "boom".into(),
            trace: "boom at x".into(),
            rule,
        })
    }

    fn kind(rules: &Rules, ending: Ending, record: &JobRecord) -> FinishKind {
        match rules.decide(ending, record, 0.5) {
            Verdict::Finish { kind, .. } => kind,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_job_fails_for_good_after_its_last_attempt() {
        let rules = Rules::default();
        let retry = kind(&rules, failed(None), &record(r#"{"attempts":3}"#, "1"));
        assert!(
            matches!(retry, FinishKind::Retry { lifo: false }),
            "{retry:?}"
        );
        let last = kind(&rules, failed(None), &record(r#"{"attempts":3}"#, "2"));
        assert!(matches!(last, FinishKind::Failed { .. }), "{last:?}");
        let none = kind(&rules, failed(None), &record("{}", "0"));
        assert!(matches!(none, FinishKind::Failed { .. }), "{none:?}");
    }

    #[test]
    fn backoff_and_its_overrides_give_the_delay() {
        let rules = Rules::default();
        let opts = r#"{"attempts":5,"backoff":{"type":"exponential","delay":100}}"#;
        let delay = |ending| match kind(&rules, ending, &record(opts, "2")) {
            FinishKind::Delayed {
                delay,
                skip_attempt: false,
            } => delay,
            other => panic!("{other:?}"),
        };
        assert_eq!(delay(failed(None)), 400);
        assert_eq!(
            delay(failed(Some(Rule::RetryAfter(Duration::from_secs(7))))),
            7000
        );
        let unrecoverable = kind(
            &rules,
            failed(Some(Rule::Unrecoverable)),
            &record(opts, "0"),
        );
        assert!(matches!(unrecoverable, FinishKind::Failed { .. }));
    }

    #[test]
    fn a_backoff_that_nobody_knows_is_named_while_it_is_needed() {
        let rules = Rules::default();
        let opts = |attempts| {
            record(
                &format!(r#"{{"attempts":{attempts},"backoff":{{"type":"mine"}}}}"#),
                "0",
            )
        };
        let note = rules.unknown_backoff(&opts(2)).unwrap();
        assert!(note.contains("`mine`"), "{note}");
        assert_eq!(rules.unknown_backoff(&opts(1)), None);
        let mut known = Rules::default();
        known.strategies.name("mine", |_| None);
        assert_eq!(known.unknown_backoff(&opts(2)), None);
        let mut general = Rules::default();
        general.strategies.set_other(|_| None);
        assert_eq!(general.unknown_backoff(&opts(2)), None);
    }

    #[test]
    fn attempts_for_ever_are_attempts() {
        let opts = r#"{"attempts":1.7976931348623157e308}"#;
        let again = kind(&Rules::default(), failed(None), &record(opts, "4000000000"));
        assert!(matches!(again, FinishKind::Retry { .. }));
    }

    #[test]
    fn default_attempts_hold_where_the_producer_set_none() {
        let rules = Rules {
            default_attempts: Some(2),
            ..Rules::default()
        };
        assert!(matches!(
            kind(&rules, failed(None), &record(r#"{"attempts":0}"#, "0")),
            FinishKind::Retry { .. }
        ));
        assert!(matches!(
            kind(&rules, failed(None), &record(r#"{"attempts":1}"#, "0")),
            FinishKind::Failed { .. }
        ));
    }

    #[test]
    fn a_job_started_too_often_is_not_retried() {
        let rules = Rules {
            max_started_attempts: Some(3),
            ..Rules::default()
        };
        assert!(matches!(
            kind(&rules, failed(None), &record(r#"{"attempts":9}"#, "0")),
            FinishKind::Failed { .. }
        ));
    }

    #[test]
    fn the_jobs_retention_overrides_the_workers() {
        let rules = Rules {
            remove_on_complete: Some(KeepJobs::ALL),
            ..Rules::default()
        };
        let done = || Ending::Returned(Outcome::null());
        let FinishKind::Completed { keep, .. } =
            kind(&rules, done(), &record(r#"{"removeOnComplete":true}"#, "0"))
        else {
            panic!("not completed")
        };
        assert_eq!(keep.count, Some(0.0));
    }

    #[test]
    fn a_stack_trace_keeps_its_newest_entries() {
        let mut record = record(r#"{"stackTraceLimit":2}"#, "0");
        record.stacktrace = vec!["first".into(), "second".into()];
        let fault = Fault {
            reason: "r".into(),
            trace: "third".into(),
            rule: None,
        };
        let fields: Vec<String> = rmp_serde::from_slice(&failure_fields(&record, &fault)).unwrap();
        assert_eq!(
            fields,
            ["failedReason", "r", "stacktrace", r#"["second","third"]"#]
        );
    }
}
