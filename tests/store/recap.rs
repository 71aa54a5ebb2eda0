//! What a recap of a window says.

use bullrs::store::{Recap, RecapCounts, RecapFailed, RecapQuery, Run, Settlement, Status, Store};

use crate::{
    rig::{Rig, ended, new_job, run},
    tables::{APP_POSTGRES, APP_SQLITE, DROP},
};

const FROM: i64 = 1_000_000;
const TO: i64 = 2_000_000;

fn window(queues: &[&str]) -> RecapQuery {
    RecapQuery {
        from: FROM,
        to: TO,
        queues: queues.iter().map(ToString::to_string).collect(),
        failures: 10,
    }
}

/// `queue name succeeded failed cancelled unfinished retries mean`, a line for each group.
fn lines(recap: &Recap) -> Vec<String> {
    let line = |counts: &RecapCounts| {
        format!(
            "{} {} {} {} {} {} {} {:?}",
            counts.queue,
            counts.name,
            counts.succeeded,
            counts.failed,
            counts.cancelled,
            counts.unfinished,
            counts.retries,
            counts.mean_duration_ms
        )
    };
    recap.counts.iter().map(line).collect()
}

/// The ids of the jobs that failed, as listed.
fn failed(recap: &Recap) -> Vec<&str> {
    let ids = recap.failures.iter().map(|failed| failed.job_id.as_deref());
    ids.map(Option::unwrap).collect()
}

async fn asked(rig: &Rig, query: &RecapQuery) -> Recap {
    rig.store.recap(query).await.unwrap()
}

fn of(id: &str, queue: &str, name: &str, starts: u32, at: i64) -> Run {
    let mut run = run(id, id, starts, at);
    (run.queue, run.name) = (queue.into(), name.into());
    run
}

/// A row whose run started at `at` and ended `took` ms later.
async fn end(rig: &Rig, run: &Run, status: Status, took: i64) {
    rig.pending(&run.content_job_id).await;
    let settlement = Settlement {
        at: run.started_at + took,
        ..ended(run, status)
    };
    assert!(rig.settle(&settlement).await);
}

pub(crate) async fn a_window_is_summed_by_queue_and_name(rig: Rig) {
    let at = FROM + 10_000;
    for (id, starts, status, took) in [
        ("a", 1, Status::Succeeded, 100),
        ("b", 3, Status::Succeeded, 201),
        ("c", 3, Status::Failed, 400),
        ("d", 2, Status::Cancelled, 90_000),
        // Failed once and waits: nothing was tried again yet.
        ("e", 1, Status::Delayed, 5_000),
    ] {
        end(
            &rig,
            &of(id, "content", "generate", starts, at),
            status,
            took,
        )
        .await;
    }
    // Runs for the second time.
    rig.pending("f").await;
    rig.start(&of("f", "content", "generate", 2, at)).await;
    end(
        &rig,
        &of("g", "content", "recap", 1, at),
        Status::Succeeded,
        7,
    )
    .await;
    end(
        &rig,
        &of("h", "fineTune", "start", 1, at),
        Status::Cancelled,
        7,
    )
    .await;
    // Made in the window, and not enqueued.
    let mut job = new_job("i");
    (job.queue, job.name, job.at) = ("fineTune".into(), "export".into(), at);
    assert!(rig.store.insert(&job).await.unwrap());
    // Before and after.
    end(
        &rig,
        &of("j", "content", "generate", 1, 500),
        Status::Failed,
        7,
    )
    .await;
    end(
        &rig,
        &of("k", "content", "generate", 1, TO),
        Status::Failed,
        7,
    )
    .await;
    rig.pending("l").await;

    let recap = asked(&rig, &window(&[])).await;
    assert_eq!(
        lines(&recap),
        [
            // The mean of 100, 201 and 400 is 233.67; b and c were tried twice more, d and f once.
            "content generate 2 1 1 2 6 Some(234)",
            "content recap 1 0 0 0 0 Some(7)",
            "fineTune export 0 0 0 1 0 None",
            "fineTune start 0 0 1 0 0 None",
        ]
    );
    assert_eq!(recap.failures.len(), 1);
    let RecapFailed {
        queue,
        name,
        job_id,
        at: failed_at,
        attempts,
        error,
        ..
    } = &recap.failures[0];
    assert_eq!(
        [queue, name, job_id, error].map(|text| text.as_deref().unwrap()),
        ["content", "generate", "c", "no luck"]
    );
    assert_eq!((*failed_at, *attempts), (at + 400, 3));
}

pub(crate) async fn a_window_has_its_start_and_not_its_end(rig: Rig) {
    for (id, at) in [("a", FROM - 1), ("b", FROM), ("c", TO - 1), ("d", TO)] {
        end(
            &rig,
            &of(id, "content", "ended", 1, at - 50),
            Status::Failed,
            50,
        )
        .await;
        rig.pending(&format!("{id}2")).await;
        rig.start(&of(&format!("{id}2"), "content", "running", 1, at))
            .await;
    }
    let recap = asked(&rig, &window(&[])).await;
    assert_eq!(
        lines(&recap),
        [
            "content ended 0 2 0 0 0 Some(50)",
            "content running 0 0 0 2 0 None",
        ]
    );
    assert_eq!(failed(&recap), ["c", "b"]);
    // Windows that follow each other count each row once.
    let rest = RecapQuery {
        from: TO,
        to: TO + 1,
        ..window(&[])
    };
    let recap = asked(&rig, &rest).await;
    assert_eq!(failed(&recap), ["d"]);
    assert_eq!(lines(&recap).len(), 2);
}

pub(crate) async fn only_the_queues_asked_for_are_counted(rig: Rig) {
    let at = FROM + 1;
    for (id, queue) in [
        ("a", "content"),
        ("b", "Content"),
        ("c", "con%"),
        ("d", "content,mail"),
        ("e", "mail"),
    ] {
        end(&rig, &of(id, queue, "job", 1, at), Status::Failed, 5).await;
    }
    rig.app("update content_jobs set queue = null where id = 'e'")
        .await;
    for (queues, ids) in [
        (&["content"][..], &["a"][..]),
        (&["content", "content"], &["a"]),
        (&["con%", "Content"], &["c", "b"]),
        (&["content,mail"], &["d"]),
        (&["_ontent", "mail", "%", "", "\0"], &[]),
        (&[], &["e", "d", "c", "b", "a"]),
    ] {
        let recap = asked(&rig, &window(queues)).await;
        assert_eq!(failed(&recap), ids, "{queues:?}");
        let counted: u64 = recap.counts.iter().map(|counts| counts.failed).sum();
        assert_eq!(counted, ids.len() as u64, "{queues:?}");
    }
    let recap = asked(&rig, &window(&[])).await;
    assert_eq!(lines(&recap)[0], " job 0 1 0 0 0 Some(5)");
}

pub(crate) async fn the_newest_failures_come_first_and_no_more_than_asked(rig: Rig) {
    for (id, at) in [("a", 5), ("b", 9), ("c", 7), ("d", 7)] {
        let run = of(id, "content", "job", 1, FROM + at);
        end(&rig, &run, Status::Failed, 0).await;
    }
    let long = "é".repeat(5_000);
    rig.app(&format!(
        "update content_jobs set error = '{long}', payload = 's3cret' where id = 'b'"
    ))
    .await;
    let query = |failures| RecapQuery {
        failures,
        ..window(&[])
    };
    let recap = asked(&rig, &query(3)).await;
    assert_eq!(failed(&recap), ["b", "d", "c"]);
    assert_eq!(recap.failures[0].error, Some("é".repeat(4_000)));
    assert!(!format!("{recap:?}").contains("s3cret"));
    assert_eq!(lines(&recap), ["content job 0 4 0 0 0 Some(0)"]);
    let recap = asked(&rig, &query(0)).await;
    assert!(recap.failures.is_empty());
    assert_eq!(lines(&recap), ["content job 0 4 0 0 0 Some(0)"]);
}

/// 2026-01-02T03:04:05Z, a second before its window ends.
const APP_TIME: i64 = 1_767_323_045_000;

pub(crate) async fn rows_that_an_app_wrote_count_by_its_times(rig: Rig) {
    rig.app(DROP).await;
    rig.app_in(APP_POSTGRES, APP_SQLITE).await;
    rig.app_in(
        "alter table content_jobs alter updated_at drop not null, alter created_at drop not null,
             alter attempts_made drop not null",
        "create table remade (id text, owner text, queue text, name text, job_id text,
             status text, payload text, result text, error text, progress text,
             attempts_made integer, attempts_started integer not null default 0,
             max_attempts integer not null default 1, created_at datetime, queued_at datetime,
             started_at datetime, finished_at datetime, updated_at datetime);
         drop table content_jobs; alter table remade rename to content_jobs",
    )
    .await;
    let store = Store::connect(&rig.url).await.unwrap();
    assert_eq!(store.migrate().await.unwrap().len(), 4);
    let inside = "'2026-01-02 03:04:05'";
    let edge = "'2026-01-02 03:04:06'";
    let before = "'2026-01-01 23:59:59'";
    let null = "null";
    for (number, (status, created, started, finished, updated, made)) in [
        // Ended in the window, although nobody kept `updated_at`.
        (
            "succeeded",
            before,
            "'2026-01-02 03:04:03'",
            inside,
            before,
            "2",
        ),
        ("failed", before, null, inside, null, null),
        // Ended before, and was only touched in the window.
        ("failed", before, before, before, inside, "1"),
        // Ended at a time that nobody wrote.
        ("failed", before, null, null, inside, "1"),
        ("cancelled", inside, null, null, null, "0"),
        // The worker's next window.
        ("succeeded", before, before, edge, inside, "1"),
        ("queued", inside, null, null, edge, "0"),
        // Enqueued anew with the times of its last run.
        ("queued", before, before, before, inside, "0"),
        ("pending", inside, null, null, null, "0"),
        ("pending", before, null, null, null, "0"),
        // Nobody knows when.
        ("pending", null, null, null, null, "0"),
        // No job yet.
        ("draft", inside, null, null, inside, "0"),
    ]
    .into_iter()
    .enumerate()
    {
        rig.app(&format!(
            "insert into content_jobs (id, queue, name, job_id, status, created_at, started_at, \
             finished_at, updated_at, attempts_made) \
             values ('{number:08}-0000-4000-8000-000000000000', 'content', 'generate', '{number}', \
             '{status}', {created}, {started}, {finished}, {updated}, {made})"
        ))
        .await;
    }
    let query = RecapQuery {
        from: APP_TIME - 3 * 3_600_000,
        to: APP_TIME + 1_000,
        queues: vec!["content".into()],
        failures: 10,
    };
    let recap = store.recap(&query).await.unwrap();
    assert_eq!(lines(&recap), ["content generate 1 2 1 2 1 Some(2000)"]);
    assert_eq!(failed(&recap), ["3", "1"]);
    assert_eq!(
        (recap.failures[0].at, recap.failures[0].attempts),
        (APP_TIME, 1)
    );
    assert_eq!(
        (recap.failures[1].attempts, recap.failures[1].error.as_ref()),
        (0, None)
    );
    // The ends of a window are not moved to what a column can hold, a whole second here.
    let query = |from, to| RecapQuery {
        from: APP_TIME + from,
        to: APP_TIME + to,
        ..RecapQuery::default()
    };
    for (from, to, ended) in [
        (0, 1, 4),
        (1, 400, 0),
        (-400, 0, 0),
        (-400, 1, 4),
        (1, 1_000, 0),
    ] {
        let recap = store.recap(&query(from, to)).await.unwrap();
        let counts = recap.counts.first().cloned().unwrap_or_default();
        assert_eq!(
            counts.succeeded + counts.failed + counts.cancelled,
            ended,
            "{from} {to}"
        );
    }
}

pub(crate) async fn an_empty_window_has_nothing(rig: Rig) {
    end(&rig, &of("a", "content", "job", 1, FROM), Status::Failed, 0).await;
    for (from, to) in [
        (FROM, FROM),
        (TO, FROM),
        (FROM + 1, TO),
        (i64::from(i32::MIN), FROM),
        (-9_000_000_000_000, 0),
    ] {
        let query = RecapQuery {
            from,
            to,
            ..window(&[])
        };
        assert_eq!(asked(&rig, &query).await, Recap::default(), "{from} {to}");
    }
    assert_eq!(asked(&rig, &RecapQuery::default()).await, Recap::default());
}
