//! Cancelling a job from anywhere: the rules for one that no worker runs.

use super::{
    CancelReason,
    verdict::{Fault, failure_fields},
};
use crate::{
    Error, Result, clock,
    conn::Conn,
    script::call::{self, CancelReply, NewCancellation},
    wire::{JobRecord, KeepJobs, QueueKeys},
};

/// How often a job may be attempted between our reading its hash and our judging it.
const TRIES: usize = 5;
/// Longest reason, in bytes: it is kept in the job's hash and in an event.
const LONGEST_REASON: usize = 4096;

/// What came of a cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelOutcome {
    /// No worker ran it, and it has failed with `cancelled: <reason>`, without using an attempt.
    Cancelled {
        /// The state it was in: `waiting`, `prioritized`, `delayed` or `waiting-children`.
        from: String,
    },
    /// A worker runs it and is asked to stop it. A worker of bullrs learns of that within a second,
    /// also when its connection is broken at the moment; a worker of another kind never does.
    Requested,
    /// There was nothing to cancel: it had ended.
    Finished {
        /// `completed` or `failed`.
        state: String,
    },
}

/// Cancels a job; gives also the hash of one that has failed by it. `keep` holds for jobs whose
/// producer set no `removeOnFail`.
pub(crate) async fn cancel(
    conn: &Conn,
    keys: &QueueKeys,
    id: &str,
    reason: &str,
    keep: Option<KeepJobs>,
) -> Result<(CancelOutcome, Option<JobRecord>)> {
    if reason.len() > LONGEST_REASON {
        return Err(Error::Invalid {
            field: "reason",
            rule: format!(
                "must have at most {LONGEST_REASON} bytes, got {}",
                reason.len()
            ),
        });
    }
    let failure = CancelReason::Requested(reason.to_owned()).to_string();
    let fault = Fault::unrecoverable(failure.clone());
    for _ in 0..TRIES {
        let flat = call::job_hash(conn, keys, id).await?;
        let pairs = flat.chunks_exact(2).filter_map(|pair| match pair {
            [field, value] => Some((field.as_str(), value.as_str())),
            _ => None,
        });
        let record = JobRecord::read(id, pairs);
        let keep = record.opts.remove_on_fail.or(keep);
        let new = NewCancellation {
            reason,
            failure: &failure,
            attempts_made: record.attempts_made,
            keep: keep.unwrap_or(KeepJobs::ALL),
            fields: failure_fields(&record, &fault),
        };
        let outcome = match call::cancel_job(conn, keys, id, &new, clock::now()).await? {
            CancelReply::Failed(from) => {
                return Ok((CancelOutcome::Cancelled { from }, Some(record)));
            }
            CancelReply::Requested => CancelOutcome::Requested,
            CancelReply::Finished(state) => CancelOutcome::Finished { state },
            CancelReply::Changed => continue,
        };
        return Ok((outcome, None));
    }
    Err(Error::WrongState {
        queue: keys.queue().to_owned(),
        id: id.to_owned(),
        command: "cancelJob",
    })
}
