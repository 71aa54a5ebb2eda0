//! What may overwrite what.

use bullrs::store::{Change, NewEvent, Run, Settlement, Started, Status, Timeline};

use crate::rig::{Rig, ended, run};

pub(crate) async fn a_row_goes_from_pending_to_succeeded(rig: Rig) {
    rig.pending("c1").await;
    assert!(!rig.store.insert(&crate::rig::new_job("c1")).await.unwrap());
    let row = rig.row("c1").await;
    assert_eq!(
        (row.status, row.created_at, row.queued_at, row.max_attempts),
        (Status::Pending, Some(1_000), None, 3)
    );

    let queued = rig.store.queued("c1", "content", "generate", "7", 1_500);
    assert!(queued.await.unwrap());
    let row = rig.row("c1").await;
    assert_eq!(
        (row.status, row.job_id.as_deref(), row.queued_at),
        (Status::Queued, Some("7"), Some(1_500))
    );

    let first = run("c1", "7", 1, 2_000);
    let start = Change::Start {
        run: first.clone(),
        at: 2_003,
    };
    let applied = rig.store.apply(&[start], &[]).await.unwrap();
    assert_eq!(applied.started, [Started::Row { payload: None }]);
    let row = rig.row("c1").await;
    assert_eq!(
        (row.status, row.attempts_made, row.attempts_started),
        (Status::Active, 0, 1)
    );
    assert_eq!(
        (row.started_at, row.finished_at, row.updated_at),
        (Some(2_000), None, Some(2_003))
    );

    let progress = Change::Progress {
        run: first.clone(),
        progress: r#"{"percent":50}"#.into(),
        at: 2_004,
    };
    assert_eq!(rig.store.apply(&[progress], &[]).await.unwrap().changed, 1);
    assert!(rig.settle(&ended(&first, Status::Succeeded)).await);
    let row = rig.row("c1").await;
    assert_eq!(row.status, Status::Succeeded);
    assert_eq!(row.result.unwrap().get(), r#"{"words":3}"#);
    assert_eq!(row.progress.unwrap().get(), r#"{"percent":50}"#);
    assert_eq!((row.error, row.attempts_made), (None, 1));
    assert_eq!(
        (row.queued_at, row.started_at, row.finished_at),
        (Some(1_500), Some(2_000), Some(2_010))
    );
}

/// An app's own statement after `queue.add`, with no guard of its own.
async fn app_queued(rig: &Rig, id: &str, job_id: &str) {
    let time = if rig.is_postgres {
        "now()".to_owned()
    } else {
        "9999999999999".to_owned()
    };
    rig.app(&format!(
        "update content_jobs set status = 'queued', job_id = '{job_id}', queued_at = {time} \
         where id = '{id}'"
    ))
    .await;
}

pub(crate) async fn an_apps_late_queued_never_overwrites_what_the_worker_wrote(rig: Rig) {
    for (id, status) in [
        ("delayed", Status::Delayed),
        ("succeeded", Status::Succeeded),
        ("failed", Status::Failed),
        ("cancelled", Status::Cancelled),
    ] {
        rig.pending(id).await;
        let first = run(id, "7", 1, 2_000);
        rig.start(&first).await;
        app_queued(&rig, id, "7").await;
        assert_eq!(rig.row(id).await.status, Status::Active);
        assert!(rig.settle(&ended(&first, status.clone())).await);
        app_queued(&rig, id, "7").await;
        assert_eq!(rig.row(id).await.status, status);
        let ours = rig.store.queued(id, "content", "generate", "7", 5_000);
        assert!(!ours.await.unwrap());
        assert_eq!(rig.row(id).await.status, status);
    }
    // Before the worker came, it is what it says.
    rig.pending("early").await;
    app_queued(&rig, "early", "7").await;
    assert_eq!(rig.row("early").await.status, Status::Queued);
}

pub(crate) async fn a_row_that_is_enqueued_anew_belongs_to_the_new_job(rig: Rig) {
    rig.pending("c1").await;
    let old = [run("c1", "7", 1, 2_000), run("c1", "7", 2, 3_000)];
    rig.start(&old[0]).await;
    rig.start(&old[1]).await;
    assert!(rig.settle(&ended(&old[1], Status::Failed)).await);
    app_queued(&rig, "c1", "8").await;
    let row = rig.row("c1").await;
    assert_eq!(
        (row.status, row.job_id.as_deref()),
        (Status::Queued, Some("8"))
    );

    // The new job counts its starts from 1 again.
    let new = run("c1", "8", 1, 9_000);
    rig.start(&new).await;
    let row = rig.row("c1").await;
    assert_eq!(
        (row.status, row.attempts_started, row.finished_at),
        (Status::Active, 1, None)
    );
    assert!(!rig.settle(&ended(&old[0], Status::Failed)).await);
    assert!(!rig.settle(&ended(&old[1], Status::Failed)).await);
    assert!(rig.settle(&ended(&new, Status::Succeeded)).await);
    assert_eq!(rig.row("c1").await.status, Status::Succeeded);
}

pub(crate) async fn an_old_attempt_never_overwrites_a_newer_one(rig: Rig) {
    rig.pending("c1").await;
    let first = run("c1", "7", 1, 2_050);
    // Claimed later by a worker whose clock is behind.
    let second = run("c1", "7", 2, 2_000);
    rig.start(&first).await;
    rig.start(&second).await;
    for status in [
        Status::Delayed,
        Status::Queued,
        Status::Failed,
        Status::Succeeded,
    ] {
        assert!(!rig.settle(&ended(&first, status)).await);
    }
    let late = [
        Change::Start {
            run: Run {
                started_at: 1_990,
                ..first.clone()
            },
            at: 9_000,
        },
        Change::Progress {
            run: first.clone(),
            progress: "1".into(),
            at: 9_000,
        },
    ];
    let applied = rig.store.apply(&late, &[]).await.unwrap();
    assert_eq!(applied.changed, 0);
    assert_eq!(applied.started, [Started::Superseded { payload: None }]);
    let row = rig.row("c1").await;
    assert_eq!(
        (row.status, row.attempts_started, row.attempts_made),
        (Status::Active, 2, 1)
    );
    assert!(row.progress.is_none());
    assert!(rig.settle(&ended(&second, Status::Succeeded)).await);
    assert!(!rig.settle(&ended(&first, Status::Failed)).await);
    assert_eq!(rig.row("c1").await.status, Status::Succeeded);
}

pub(crate) async fn a_terminal_state_stands_until_the_job_is_retried(rig: Rig) {
    rig.pending("c1").await;
    let first = run("c1", "7", 1, 2_000);
    rig.start(&first).await;
    assert!(rig.settle(&ended(&first, Status::Failed)).await);
    // The same run says otherwise, or says it started, or goes on.
    for status in [Status::Succeeded, Status::Delayed, Status::Queued] {
        assert!(!rig.settle(&ended(&first, status)).await);
    }
    rig.start(&first).await;
    let progress = Change::Progress {
        run: first.clone(),
        progress: "99".into(),
        at: 3_000,
    };
    assert_eq!(rig.store.apply(&[progress], &[]).await.unwrap().changed, 0);
    let row = rig.row("c1").await;
    assert_eq!(
        (row.status, row.error.as_deref(), row.finished_at),
        (Status::Failed, Some("no luck"), Some(2_010))
    );

    // Retried in Redis by a dashboard: the next start says so.
    let second = run("c1", "7", 2, 4_000);
    rig.start(&second).await;
    let row = rig.row("c1").await;
    assert_eq!((row.status, row.finished_at), (Status::Active, None));
    assert_eq!(row.error.as_deref(), Some("no luck"));
    assert!(rig.settle(&ended(&second, Status::Succeeded)).await);
    assert_eq!(rig.row("c1").await.error, None);

    // Retried on request, with the count of starts reset.
    assert!(rig.store.retried("c1", 5_000).await.unwrap());
    assert!(!rig.store.retried("c1", 5_001).await.unwrap());
    let row = rig.row("c1").await;
    assert_eq!(
        (row.status, row.queued_at, row.started_at, row.finished_at),
        (Status::Queued, Some(5_000), None, None)
    );
    assert!(row.result.is_none());
    assert!(!rig.settle(&ended(&second, Status::Succeeded)).await);
    let third = run("c1", "7", 1, 6_000);
    rig.start(&third).await;
    assert!(rig.settle(&ended(&third, Status::Failed)).await);
    let row = rig.row("c1").await;
    assert_eq!((row.status, row.attempts_started), (Status::Failed, 1));
}

pub(crate) async fn a_late_retry_does_not_undo_the_run_it_started(rig: Rig) {
    rig.pending("c1").await;
    let first = run("c1", "7", 1, 2_000);
    rig.start(&first).await;
    assert!(rig.settle(&ended(&first, Status::Failed)).await);
    // Asked for at 3,000; the job ran and ended before the row was told.
    let second = run("c1", "7", 2, 3_001);
    rig.start(&second).await;
    assert!(!rig.store.retried("c1", 3_000).await.unwrap());
    assert!(rig.settle(&ended(&second, Status::Succeeded)).await);
    assert!(!rig.store.retried("c1", 3_000).await.unwrap());
    assert_eq!(rig.row("c1").await.status, Status::Succeeded);
}

pub(crate) async fn only_a_job_that_does_not_run_can_be_cancelled_from_outside(rig: Rig) {
    rig.pending("c1").await;
    let first = run("c1", "7", 1, 2_000);
    rig.start(&first).await;
    assert!(
        !rig.store
            .cancelled("c1", "not wanted", 2_500)
            .await
            .unwrap()
    );
    assert!(rig.settle(&ended(&first, Status::Delayed)).await);
    assert!(
        rig.store
            .cancelled("c1", "not wanted", 2_600)
            .await
            .unwrap()
    );
    let row = rig.row("c1").await;
    assert_eq!(
        (row.status, row.error.as_deref(), row.finished_at),
        (Status::Cancelled, Some("not wanted"), Some(2_600))
    );
    assert!(!rig.store.cancelled("c1", "again", 2_700).await.unwrap());
    app_queued(&rig, "c1", "7").await;
    assert_eq!(rig.row("c1").await.status, Status::Cancelled);
}

pub(crate) async fn an_outcome_is_written_although_its_start_never_was(rig: Rig) {
    // The database was away while the job waited to start, until its timeout.
    rig.pending("never").await;
    let first = run("never", "7", 1, 2_000);
    assert!(rig.settle(&ended(&first, Status::Failed)).await);
    let row = rig.row("never").await;
    assert_eq!(
        (row.status, row.job_id.as_deref(), row.started_at),
        (Status::Failed, Some("7"), Some(2_000))
    );
    assert_eq!(
        (row.queue.as_deref(), row.queued_at),
        (Some("content"), Some(1_500))
    );

    // The app's clock is ahead, and it keeps no job id.
    rig.pending("ahead").await;
    rig.app_in(
        "update content_jobs set status = 'queued', queued_at = now() where id = 'ahead'",
        "update content_jobs set status = 'queued', queued_at = 9999999999999 where id = 'ahead'",
    )
    .await;
    let first = run("ahead", "7", 1, 2_000);
    assert!(rig.settle(&ended(&first, Status::Failed)).await);
    assert_eq!(rig.row("ahead").await.status, Status::Failed);

    // The same after a retry, after a hand-back, and as another job.
    rig.pending("later").await;
    let first = run("later", "7", 1, 2_000);
    rig.start(&first).await;
    assert!(rig.settle(&ended(&first, Status::Delayed)).await);
    let second = run("later", "7", 2, 2_500);
    assert!(rig.settle(&ended(&second, Status::Queued)).await);
    let third = run("later", "7", 3, 3_000);
    assert!(rig.settle(&ended(&third, Status::Failed)).await);
    let other = run("later", "8", 1, 4_000);
    assert!(rig.settle(&ended(&other, Status::Succeeded)).await);
    let row = rig.row("later").await;
    assert_eq!(
        (row.status, row.job_id.as_deref()),
        (Status::Succeeded, Some("8"))
    );
    // A count that was reset, long after.
    let reset = run("later", "8", 1, 104_000);
    assert!(rig.settle(&ended(&reset, Status::Failed)).await);
    assert_eq!(rig.row("later").await.status, Status::Failed);
}

pub(crate) async fn the_same_changes_twice_change_nothing(rig: Rig) {
    rig.pending("c1").await;
    let first = run("c1", "7", 1, 2_000);
    let event = |name: &str, at| NewEvent {
        content_job_id: Some("c1".into()),
        queue: "content".into(),
        job_id: Some("7".into()),
        stream_id: None,
        event: name.into(),
        attempt: Some(1),
        message: None,
        data: None,
        at,
    };
    for (status, name) in [
        (Status::Delayed, "retrying"),
        (Status::Queued, "released"),
        (Status::Succeeded, "completed"),
    ] {
        let changes = [
            Change::Start {
                run: first.clone(),
                at: 2_000,
            },
            Change::Settle(ended(&first, status)),
        ];
        let events = [event("active", 2_000), event(name, 2_010)];
        rig.store.apply(&changes, &events).await.unwrap();
        let before = format!("{:?}", rig.row("c1").await);
        rig.store.apply(&changes, &events).await.unwrap();
        assert_eq!(format!("{:?}", rig.row("c1").await), before);
        rig.app("delete from content_jobs").await;
        rig.pending("c1").await;
    }
    let stored = rig.store.events(&Timeline::row("c1"), 0, 100).await;
    let stored: Vec<String> = stored.unwrap().into_iter().map(|e| e.event).collect();
    assert_eq!(stored, ["active", "retrying", "released", "completed"]);
}

pub(crate) async fn changes_of_one_row_in_one_batch_happen_in_order(rig: Rig) {
    let mut changes = Vec::new();
    for id in ["c1", "c2", "c3"] {
        rig.pending(id).await;
        for starts in 1..=3 {
            let run = run(id, "7", starts, 2_000 + i64::from(starts));
            let last = starts == 3;
            let status = if last {
                Status::Succeeded
            } else {
                Status::Delayed
            };
            changes.push(Change::Start {
                run: run.clone(),
                at: run.started_at,
            });
            changes.push(Change::Settle(Settlement {
                progress: Some(starts.to_string()),
                ..ended(&run, status)
            }));
        }
    }
    let applied = rig.store.apply(&changes, &[]).await.unwrap();
    assert_eq!(applied.changed, 18);
    assert_eq!(applied.started, vec![Started::Row { payload: None }; 9]);
    for id in ["c1", "c2", "c3"] {
        let row = rig.row(id).await;
        assert_eq!(
            (row.status, row.attempts_started, row.attempts_made),
            (Status::Succeeded, 3, 3)
        );
        assert_eq!(row.progress.unwrap().get(), "3");
    }
}

pub(crate) async fn two_writers_at_once_leave_the_newest_run(rig: Rig) {
    const ROWS: u32 = 20;
    const RUNS: u32 = 6;
    for row in 0..ROWS {
        rig.pending(&format!("c{row}")).await;
    }
    let other = bullrs::store::Store::connect(&rig.url).await.unwrap();
    let writer = |store: bullrs::store::Store, odd: bool| async move {
        for starts in (1..=RUNS).filter(|starts| (starts % 2 == 1) == odd) {
            // Each writer goes through the rows its own way, in batches that overlap.
            let mut rows: Vec<u32> = (0..ROWS).collect();
            if odd {
                rows.reverse();
            }
            for rows in rows.chunks(7) {
                let changes: Vec<Change> = rows
                    .iter()
                    .flat_map(|row| {
                        let run = run(&format!("c{row}"), "7", starts, 2_000 + i64::from(starts));
                        let status = if starts == RUNS {
                            Status::Succeeded
                        } else {
                            Status::Delayed
                        };
                        let end = ended(&run, status);
                        let at = run.started_at;
                        [Change::Start { run, at }, Change::Settle(end)]
                    })
                    .collect();
                // A deadlock is told as transient, and the same call again is harmless.
                while let Err(error) = store.apply(&changes, &[]).await {
                    assert!(error.is_transient(), "{error}");
                }
            }
        }
    };
    tokio::join!(writer(rig.store.clone(), true), writer(other, false));
    for row in 0..ROWS {
        let row = rig.row(&format!("c{row}")).await;
        assert_eq!(
            (row.status, row.attempts_started, row.attempts_made),
            (Status::Succeeded, i64::from(RUNS), i64::from(RUNS)),
            "{}",
            row.id
        );
    }
}

pub(crate) async fn values_that_postgres_cannot_hold_are_stored_alike(rig: Rig) {
    rig.pending("c1").await;
    let first = run("c1", "7", 1, 2_000);
    let end = Settlement {
        result: Some(r#"{"a":"\u0000","half":"\ud800","n":1e400,"a":2.50}"#.into()),
        progress: Some("not json".into()),
        ..ended(&first, Status::Succeeded)
    };
    assert!(rig.settle(&end).await);
    let row = rig.row("c1").await;
    assert_eq!(
        row.result.unwrap().get(),
        r#"{"a":"\u0000","half":"\ud800","n":1e400,"a":2.50}"#
    );
    assert_eq!(row.progress.unwrap().get(), r#""not json""#);

    rig.pending("c2").await;
    let end = Settlement {
        error: Some("before\0after".into()),
        ..ended(&run("c2", "7", 1, 2_000), Status::Failed)
    };
    assert!(rig.settle(&end).await);
    assert_eq!(
        rig.row("c2").await.error.as_deref(),
        Some("before\u{fffd}after")
    );
}

pub(crate) async fn numbers_beyond_the_columns_are_kept_in_range(rig: Rig) {
    rig.pending("c1").await;
    let first = Run {
        max_attempts: u32::MAX,
        ..run("c1", "7", 1, 2_000)
    };
    rig.start(&first).await;
    assert_eq!(rig.row("c1").await.max_attempts, i64::from(i32::MAX));
}

pub(crate) async fn a_job_that_is_added_again_under_its_id_is_followed_at_once(rig: Rig) {
    // `jobId` is the row's id, and finished jobs are removed: Redis counts starts from 1 again.
    rig.pending("c1").await;
    for starts in 1..=2 {
        let run = run("c1", "c1", starts, 2_000 + i64::from(starts));
        rig.start(&run).await;
        assert!(rig.settle(&ended(&run, Status::Failed)).await);
    }
    let again = run("c1", "c1", 1, 2_100);
    rig.start(&again).await;
    assert_eq!(rig.row("c1").await.status, Status::Active);
    assert!(rig.settle(&ended(&again, Status::Succeeded)).await);
    assert_eq!(rig.row("c1").await.status, Status::Succeeded);
}
