//! Errors as data: one kind for each thing a caller can do about it.

mod not_added;

pub use not_added::{NotAdded, Refused};

use std::{error::Error as StdError, fmt, time::Duration};

/// Any error a handler may return; it fails the attempt.
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// What the library's own calls return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong in a call of this library.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Redis could not be reached, refused the call, or answered something that is no answer to it.
    #[error("redis: {message} (in {operation})")]
    Redis {
        /// The command or script that was called.
        operation: &'static str,
        /// What the server or the connection said, without any password.
        message: String,
        /// Whether the same call may succeed later without anyone changing anything.
        transient: bool,
        /// Whether the call may have been carried out although its reply was lost.
        ambiguous: bool,
    },
    /// The job's hash is gone (code -1).
    #[error("missing key for job `{id}` of queue `{queue}` (in {command})")]
    JobNotFound {
        /// The queue's name.
        queue: String,
        /// The job's id.
        id: String,
        /// The script that said so.
        command: &'static str,
    },
    /// The lock is gone or another worker holds it (codes -2 and -6).
    #[error("lost the lock on job `{id}` of queue `{queue}` (in {command})")]
    LockLost {
        /// The queue's name.
        queue: String,
        /// The job's id.
        id: String,
        /// The script that said so.
        command: &'static str,
    },
    /// The job is not in the state the call needs (code -3).
    #[error("job `{id}` of queue `{queue}` is not in the state that {command} needs")]
    WrongState {
        /// The queue's name.
        queue: String,
        /// The job's id.
        id: String,
        /// The script that said so.
        command: &'static str,
    },
    /// A child of the job is still pending (code -4).
    #[error("job `{id}` of queue `{queue}` has pending children (in {command})")]
    PendingChildren {
        /// The queue's name.
        queue: String,
        /// The job's id.
        id: String,
        /// The script that said so.
        command: &'static str,
    },
    /// A child of the job failed, and the job is to fail with it (code -9).
    #[error("job `{id}` of queue `{queue}` has at least one failed child (in {command})")]
    FailedChildren {
        /// The queue's name.
        queue: String,
        /// The job's id.
        id: String,
        /// The script that said so.
        command: &'static str,
    },
    /// The hash of the job's parent is gone (code -5).
    #[error("missing key for parent job `{parent}` of a job for queue `{queue}` (in {command})")]
    ParentNotFound {
        /// The parent's key.
        parent: String,
        /// The queue's name.
        queue: String,
        /// The script that said so.
        command: &'static str,
    },
    /// The job is there already and a child of another parent that is there (code -7).
    #[error(
        "job `{id}` of queue `{queue}` has another parent than `{parent}`, which cannot be replaced (in {command})"
    )]
    ParentTaken {
        /// The key of the parent that it was to get.
        parent: String,
        /// The queue's name.
        queue: String,
        /// The job's id.
        id: String,
        /// The script that said so.
        command: &'static str,
    },
    /// A worker holds the job, or a child that was to go with it.
    #[error("job `{id}` of queue `{queue}` is locked by a worker (in {command})")]
    JobLocked {
        /// The queue's name.
        queue: String,
        /// The job's id.
        id: String,
        /// The script that said so.
        command: &'static str,
    },
    /// The job is the next iteration of a job scheduler, which has to be removed instead (code -8).
    #[error(
        "job `{id}` of queue `{queue}` belongs to a job scheduler and cannot be removed directly (in {command})"
    )]
    SchedulerJob {
        /// The queue's name.
        queue: String,
        /// The job's id.
        id: String,
        /// The script that said so.
        command: &'static str,
    },
    /// Jobs stand where a scheduler's next iteration would have to go (codes -10 and -11).
    #[error("job scheduler `{id}` of queue `{queue}` has no free slot: its next job ids are taken")]
    SchedulerBusy {
        /// The queue's name.
        queue: String,
        /// The scheduler's id.
        id: String,
    },
    /// The queue has to be paused before it is obliterated, and somebody resumed it.
    #[error("queue `{queue}` is not paused, so it cannot be obliterated")]
    NotPaused {
        /// The queue's name.
        queue: String,
    },
    /// The queue has active jobs, and was not to be obliterated by force.
    #[error("queue `{queue}` has active jobs, so it is obliterated only by force")]
    ActiveJobs {
        /// The queue's name.
        queue: String,
    },
    /// The job whose result was waited for has failed for good.
    #[error("job `{id}` of queue `{queue}` failed: {reason}")]
    JobFailed {
        /// The queue's name.
        queue: String,
        /// The job's id.
        id: String,
        /// Its `failedReason`.
        reason: String,
    },
    /// The job had not finished in time. It goes on.
    #[error("job `{id}` of queue `{queue}` has not finished within {within:?}")]
    NotFinished {
        /// The queue's name.
        queue: String,
        /// The job's id.
        id: String,
        /// How long it was waited for.
        within: Duration,
    },
    /// Any other refusal a script documents (WIRE §4.0), or a code nobody documents.
    #[error("{command} refused job `{id}` of queue `{queue}` with code {code}: {}", explain(*code))]
    Script {
        /// The script that was called.
        command: &'static str,
        /// The negative code of WIRE §4.0.
        code: i64,
        /// The queue's name.
        queue: String,
        /// The job's id, or an empty text.
        id: String,
    },
    /// Text that others wrote does not read as what it should be.
    #[error("cannot read {what}: {reason}")]
    Decode {
        /// Which field, and of what.
        what: String,
        /// What is wrong, with the path or offset.
        reason: String,
    },
    /// A value that the caller passed breaks a rule.
    #[error("`{field}` {rule}")]
    Invalid {
        /// The option's name.
        field: &'static str,
        /// The rule, and the value that breaks it.
        rule: String,
    },
    /// Options that break rules, each with what is wrong.
    #[error("{}", .0.join("; "))]
    Options(Vec<String>),
    /// Some jobs of one call were not added, or may not have been; the others were.
    #[error("{0}")]
    NotAdded(Box<NotAdded>),
    /// The worker or client was closed.
    #[error("the worker is closed")]
    Closed,
}

impl Error {
    /// Whether the same call may succeed later without anyone changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Redis { transient, .. } => *transient,
            Self::NotAdded(outcome) => outcome.refused.iter().all(|one| one.error.is_transient()),
            _ => false,
        }
    }

    /// Whether the call may have been carried out although its reply was lost.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Self::Redis { ambiguous, .. } => *ambiguous,
            Self::NotAdded(outcome) => outcome.refused.iter().any(|one| one.error.is_ambiguous()),
            _ => false,
        }
    }

    /// The same error for a call that was not even sent because of it.
    pub(crate) fn unsent(&self) -> Self {
        let mut error = self.clone();
        if let Self::Redis { ambiguous, .. } = &mut error {
            *ambiguous = false;
        }
        error
    }

    /// Turns a negative script reply into the error it stands for (WIRE §4.0).
    pub(crate) fn from_code(command: &'static str, code: i64, queue: &str, id: &str) -> Self {
        let (queue, id) = (queue.to_owned(), id.to_owned());
        match code {
            -1 => Self::JobNotFound { queue, id, command },
            -2 | -6 => Self::LockLost { queue, id, command },
            -3 => Self::WrongState { queue, id, command },
            -4 => Self::PendingChildren { queue, id, command },
            -8 => Self::SchedulerJob { queue, id, command },
            -9 => Self::FailedChildren { queue, id, command },
            -10 | -11 => Self::SchedulerBusy { queue, id },
            _ => Self::Script {
                command,
                code,
                queue,
                id,
            },
        }
    }
}

/// The sentence for a script's code (WIRE §4.0).
pub(crate) fn explain(code: i64) -> &'static str {
    match code {
        -1 => "the job's key is missing",
        -2 => "the job's lock is missing",
        -3 => "the job is not in the expected state",
        -4 => "it has pending dependencies",
        -5 => "the parent's key is missing",
        -6 => "another worker holds the lock",
        -7 => "it already belongs to another parent",
        -8 => "it belongs to a job scheduler and cannot be removed directly",
        -9 => "at least one of its children failed",
        -10 => "the scheduler's next job id already exists",
        -11 => "the scheduler's current and next time slots are taken",
        _ => "unknown code",
    }
}

/// How the queue should treat a failed attempt; found anywhere in an error's chain.
///
/// Wrapping it (as `anyhow`'s `.context(..)` does) keeps the rule.
#[derive(Debug)]
pub struct Failure {
    rule: Rule,
    cause: BoxError,
}

/// What a [`Failure`] asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// No further attempt, whatever `attempts` says.
    Unrecoverable,
    /// The next attempt after this long, whatever `backoff` says.
    RetryAfter(Duration),
}

impl Failure {
    /// Fails the job for good, whatever its `attempts` say.
    pub fn unrecoverable(cause: impl Into<BoxError>) -> Self {
        Self {
            rule: Rule::Unrecoverable,
            cause: cause.into(),
        }
    }

    /// Fails the attempt; if attempts are left, the next starts after `delay`.
    pub fn retry_after(delay: Duration, cause: impl Into<BoxError>) -> Self {
        Self {
            rule: Rule::RetryAfter(delay),
            cause: cause.into(),
        }
    }

    /// The first rule in an error's chain, if any.
    pub(crate) fn rule_in(error: &(dyn StdError + 'static)) -> Option<Rule> {
        let mut next = Some(error);
        while let Some(current) = next {
            if let Some(failure) = current.downcast_ref::<Self>() {
                return Some(failure.rule);
            }
            next = current.source();
        }
        None
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.source()
    }
}
