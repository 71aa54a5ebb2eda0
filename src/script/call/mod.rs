//! Typed calls of the scripts: the only code that builds their keys and arguments.

mod add;
mod batch;
mod job;
mod lock;
mod queue;
mod scheduler;

pub(crate) use add::{NewJob, add};
pub(crate) use batch::{Batch, BatchReply, Claimed, Finish, FinishKind};
pub(crate) use job::{
    add_log, attempts_made, children_values, move_to_waiting_children, update_data, update_progress,
};
pub(crate) use lock::{extend_locks, find_lost_claims, lock_holder, recover_stalled};
pub(crate) use queue::{counts, rate_limit, restore_marker, state};
pub(crate) use scheduler::{is_job_scheduler, update_job_scheduler};
