//! The list of scripts and shared routines: one line for each file of `lua/`.

use super::Script;

macro_rules! commands {
    ($($constant:ident $name:ident;)*) => {
        $(pub(crate) static $constant: Script = Script::new(
            stringify!($name),
            include_str!(concat!("../../lua/commands/", stringify!($name), ".lua")),
        );)*
        /// Every command.
        pub(super) static COMMANDS: &[&Script] = &[$(&$constant),*];
    };
}

macro_rules! shared {
    ($($name:ident)*) => {
        /// The text of a shared routine.
        pub(super) fn shared(name: &str) -> Option<&'static str> {
            match name {
                $(stringify!($name) => Some(include_str!(
                    concat!("../../lua/shared/", stringify!($name), ".lua")
                )),)*
                _ => None,
            }
        }
        /// The names of all shared routines.
        #[cfg(test)]
        pub(super) static SHARED: &[&str] = &[$(stringify!($name)),*];
    };
}

commands! {
    ADD_DELAYED_JOB add_delayed_job;
    ADD_JOB_SCHEDULER add_job_scheduler;
    ADD_JOBS add_jobs;
    ADD_LOG add_log;
    ADD_PARENT_JOB add_parent_job;
    ADD_PRIORITIZED_JOB add_prioritized_job;
    ADD_STANDARD_JOB add_standard_job;
    CANCEL_JOB cancel_job;
    CHANGE_DELAY change_delay;
    CHANGE_PRIORITY change_priority;
    CLEAN_JOBS_IN_SET clean_jobs_in_set;
    DRAIN drain;
    EXTEND_LOCK extend_lock;
    EXTEND_LOCKS extend_locks;
    FIND_LOST_CLAIMS find_lost_claims;
    FIND_OUTCOME find_outcome;
    FINISH_AND_CLAIM finish_and_claim;
    GET_COUNTS get_counts;
    GET_COUNTS_PER_PRIORITY get_counts_per_priority;
    GET_DEPENDENCY_COUNTS get_dependency_counts;
    GET_JOB_SCHEDULER get_job_scheduler;
    GET_JOBS get_jobs;
    GET_LAST_EVENT_ID get_last_event_id;
    GET_METRICS get_metrics;
    GET_RANGES get_ranges;
    GET_RATE_LIMIT_TTL get_rate_limit_ttl;
    GET_STATE get_state;
    GET_STATE_V2 get_state_v2;
    IS_FINISHED is_finished;
    IS_JOB_IN_LIST is_job_in_list;
    IS_MAXED is_maxed;
    MOVE_JOB_FROM_ACTIVE_TO_WAIT move_job_from_active_to_wait;
    MOVE_JOBS_TO_WAIT move_jobs_to_wait;
    MOVE_STALLED_JOBS_TO_WAIT move_stalled_jobs_to_wait;
    MOVE_TO_ACTIVE move_to_active;
    MOVE_TO_DELAYED move_to_delayed;
    MOVE_TO_FINISHED move_to_finished;
    MOVE_TO_WAITING_CHILDREN move_to_waiting_children;
    OBLITERATE obliterate;
    PAGINATE paginate;
    PAUSE pause;
    PROMOTE promote;
    PUBLISH_EVENT publish_event;
    READ_EVENTS read_events;
    RELEASE_LOCK release_lock;
    RELEASE_PARENT_IF_NO_PENDING_DEPENDENCIES release_parent_if_no_pending_dependencies;
    REMOVE_CHILD_DEPENDENCY remove_child_dependency;
    REMOVE_DEDUPLICATION_KEY remove_deduplication_key;
    REMOVE_JOB remove_job;
    REMOVE_JOB_SCHEDULER remove_job_scheduler;
    REMOVE_ORPHANED_JOBS remove_orphaned_jobs;
    REMOVE_UNPROCESSED_CHILDREN remove_unprocessed_children;
    REPROCESS_JOB reprocess_job;
    REQUESTED_CANCELLATIONS requested_cancellations;
    RESTORE_MARKER restore_marker;
    RETRY_JOB retry_job;
    SAVE_STACKTRACE save_stacktrace;
    SCAN_KEYS scan_keys;
    UPDATE_DATA update_data;
    UPDATE_JOB_SCHEDULER update_job_scheduler;
    UPDATE_PROGRESS update_progress;
}

shared! {
    activate_job
    add_base_marker
    add_deduplicated_event
    add_delay_marker
    add_delayed
    add_drained_event
    add_waiting_event
    admit_job
    arm_scheduler
    attach_to_parent
    children_of
    claim_jobs
    clear_list
    clear_set
    collect_metrics
    deduplicate
    delay_job
    delayed_score
    delete_job_keys
    doom_job
    drop_from_parent
    enqueue
    every_slot
    evict_by_age
    evict_by_count
    fail_child
    finish_deduplication
    finish_job
    flush_delay_marker
    flush_doomed
    flush_evictions
    flush_finished
    hand_back_job
    in_batches
    in_list
    insert_job
    is_armed
    iteration_id
    load_outcomes
    lock_code
    max_events
    merge_ready
    next_due
    number_or
    own_deduplication
    parent_of
    parent_to_wait
    paused_or_maxed
    place_job
    pop_named
    pop_ready
    priority_score
    promote_delayed
    push_target
    queue_at
    rate_limit_ttl
    read_keep
    read_new_job
    read_outcomes
    read_rule
    recover_deduplication
    recover_stalled_job
    release_deduplication
    release_flow_parent
    release_lock
    release_parent_if_idle
    remove_from_any_state
    remove_from_list
    remove_job
    remove_tree
    replace_deduplicated
    requeue_kept_job
    reschedule_deduplicated
    reschedule_job
    restore_dependency
    retry_job
    settings_of
    settle_batch
    settle_duplicate
    settle_outcomes
    show_start
    split_job_key
    state_page
    store_job
    store_next_job
    store_scheduler
    take_from_active
    tell_relatives
    tree_locked
    unpack_fields
    unpack_map
    waiting_length
}

#[cfg(test)]
mod tests;
