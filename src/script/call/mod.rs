//! Typed calls of the scripts: the only code that builds their keys and arguments.

mod add;
mod admin;
mod batch;
mod cancel;
mod events;
mod fetch;
mod flow;
mod job;
mod job_change;
mod lock;
mod queue;
mod read;
mod read_children;
mod scheduler;

pub(crate) use add::{Insertion, Place, add, add_group, add_groups};
pub(crate) use admin::{
    JOB_PARTS, QUEUE_PARTS, clean, drain, move_jobs_to_wait, obliterate, pause, remove_key,
    remove_meta, remove_orphaned, resume, scan, set_meta, trim_events,
};
pub(crate) use batch::{Batch, BatchReply, Claimed, Finish, FinishKind};
pub(crate) use cancel::{
    CancelReply, NewCancellation, Requested, any_cancellation, cancel_job, job_hash,
    requested_cancellations,
};
pub(crate) use events::{
    Batch as EventBatch, Finished, finished, last_event_id, publish_event, read_events,
    wait_for_events,
};
pub(crate) use fetch::{
    Claim, Fetch, FetchReply, extend_lock, move_to_active, move_to_delayed, move_to_finished,
    move_to_wait, retry_job,
};
pub(crate) use flow::{Relatives, relatives};
pub(crate) use job::{
    add_log, attempts_made, children_values, move_to_waiting_children, update_data, update_progress,
};
pub(crate) use job_change::{
    Reprocess, change_delay, change_priority, clear_logs, promote, remove_child_dependency,
    remove_job, remove_own_deduplication_key, remove_unprocessed_children, reprocess,
};
pub(crate) use lock::{extend_locks, find_lost_claims, lock_holders, recover_stalled};
pub(crate) use queue::{
    client_list, counts, counts_per_priority, delayed_before, is_maxed, is_paused, metrics, probe,
    rate_limit, rate_limit_ttl, restore_marker, state,
};
pub(crate) use read::{
    Placed, exists, hash, hash_fields, hashes, is_in_state, log_rows, state_before, state_length,
    state_page, state_place, text_at,
};
pub(crate) use read_children::{
    FinishedAs, Scanned, dependency_counts, finished as finished_as, page_of_failed, scan_hash,
    scan_set,
};
pub(crate) use scheduler::{
    SchedulerUpsert, add_job_scheduler, is_job_scheduler, job_scheduler, job_schedulers,
    remove_job_scheduler, scheduler_count, update_job_scheduler,
};
