//! The job store on both databases: one suite, run on SQLite and on Postgres.
//!
//! Postgres: `BULLRS_TEST_POSTGRES_URL` names a superuser's URL; each test makes and drops a
//! database of its own there. The tests that kill a server start one themselves. Without the
//! variable the Postgres half fails, unless `BULLRS_TEST_SKIP_POSTGRES=1` leaves it out.
#![cfg(feature = "store")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[path = "store/guards.rs"]
mod guards;
#[path = "store/history.rs"]
mod history;
#[path = "store/outage.rs"]
mod outage;
#[path = "store/reading.rs"]
mod reading;
#[path = "store/recap.rs"]
mod recap;
#[path = "store/recorder.rs"]
mod recorder;
#[path = "store/rig.rs"]
mod rig;
#[path = "store/server.rs"]
mod server;
#[path = "store/tables.rs"]
mod tables;

macro_rules! on_both_databases {
    ($($module:ident::{$($name:ident),+ $(,)?}),+ $(,)?) => {
        mod sqlite {
            $($(
                #[test]
                fn $name() {
                    crate::rig::on_sqlite(crate::$module::$name);
                }
            )+)+
        }
        mod postgres {
            $($(
                #[test]
                fn $name() {
                    crate::rig::on_postgres(crate::$module::$name);
                }
            )+)+
        }
    };
}

on_both_databases! {
    guards::{
        a_row_goes_from_pending_to_succeeded,
        an_apps_late_queued_never_overwrites_what_the_worker_wrote,
        a_row_that_is_enqueued_anew_belongs_to_the_new_job,
        an_old_attempt_never_overwrites_a_newer_one,
        a_terminal_state_stands_until_the_job_is_retried,
        a_late_retry_does_not_undo_the_run_it_started,
        only_a_job_that_does_not_run_can_be_cancelled_from_outside,
        an_outcome_is_written_although_its_start_never_was,
        the_same_changes_twice_change_nothing,
        a_job_that_is_added_again_under_its_id_is_followed_at_once,
        changes_of_one_row_in_one_batch_happen_in_order,
        two_writers_at_once_leave_the_newest_run,
        values_that_postgres_cannot_hold_are_stored_alike,
        numbers_beyond_the_columns_are_kept_in_range,
    },
    history::{
        whatever_the_order_of_writes_the_newest_run_stands,
    },
    reading::{
        pages_show_each_row_once_while_others_are_added,
        filters_narrow_what_is_listed,
        a_timeline_continues_after_the_last_event_seen,
        an_entry_of_a_stream_is_stored_once,
        a_row_that_is_not_there_is_none,
        payloads_are_resealed_under_the_first_key,
        nothing_secret_is_in_an_error_or_debug,
    },
    recap::{
        a_window_is_summed_by_queue_and_name,
        a_window_has_its_start_and_not_its_end,
        only_the_queues_asked_for_are_counted,
        the_newest_failures_come_first_and_no_more_than_asked,
        rows_that_an_app_wrote_count_by_its_times,
        an_empty_window_has_nothing,
    },
    tables::{
        four_processes_migrate_at_once,
        a_database_that_was_not_migrated_says_so,
        an_apps_own_table_is_used_as_it_is,
        an_apps_own_table_without_a_column_is_refused_whole,
        a_newer_bullrs_does_not_stop_an_older_one,
        an_app_that_alters_its_table_meanwhile_is_followed,
        a_trigger_that_went_with_the_table_is_made_again,
    },
    recorder::{
        a_job_is_followed_from_start_to_result,
        a_retried_job_shows_its_error_and_then_its_result,
        a_job_without_a_row_has_a_timeline_only,
        a_job_whose_row_or_payload_cannot_be_had_does_not_run,
        a_job_that_was_cancelled_on_request_is_cancelled,
        a_job_that_is_handed_back_is_queued_again,
        progress_is_written_a_few_times_a_second_and_the_last_one_surely,
        an_outcome_that_the_table_refuses_keeps_its_status,
        events_may_be_left_to_others,
        a_dropped_recorder_still_writes_what_it_was_told,
        a_broken_option_is_named,
    },
}
