//! Typed calls of the scripts: the only code that builds their keys and arguments.

mod add;
mod admin;
mod batch;
mod job;
mod job_change;
mod lock;
mod queue;
mod scheduler;

pub(crate) use add::{NewJob, add};
pub(crate) use admin::{
    JOB_PARTS, QUEUE_PARTS, clean, drain, move_jobs_to_wait, obliterate, pause, remove_key,
    remove_meta, remove_orphaned, resume, scan, set_meta, trim_events,
};
pub(crate) use batch::{Batch, BatchReply, Claimed, Finish, FinishKind, finish_and_claim};
pub(crate) use job::{
    add_log, attempts_made, children_values, move_to_waiting_children, update_data, update_progress,
};
pub(crate) use job_change::{
    Reprocess, change_delay, change_priority, clear_logs, job_exists, job_field, promote,
    remove_child_dependency, remove_job, remove_own_deduplication_key, remove_unprocessed_children,
    reprocess,
};
pub(crate) use lock::{extend_locks, find_lost_claims, lock_holder, recover_stalled};
pub(crate) use queue::{counts, rate_limit, restore_marker, state};
pub(crate) use scheduler::{
    SchedulerUpsert, add_job_scheduler, armed_job, is_job_scheduler, job_scheduler, job_schedulers,
    remove_job_scheduler, scheduler_count, update_job_scheduler,
};
