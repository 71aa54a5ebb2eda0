use super::*;
use crate::store::{Change, NewJob, Run, Settlement};

const HOUR: i64 = 3_600_000;

/// A row as a worker leaves it that started the job at `at` and settled it a second later.
async fn settled(store: &Store, id: &str, queue: &str, status: Status, attempts: u32, at: i64) {
    let row = NewJob {
        id: id.into(),
        queue: queue.into(),
        name: "generate".into(),
        payload: None,
        max_attempts: 3,
        at,
    };
    assert!(store.insert(&row).await.unwrap());
    let run = Run {
        content_job_id: id.into(),
        queue: queue.into(),
        name: "generate".into(),
        job_id: format!("bull-{id}"),
        attempts_made: attempts - 1,
        attempts_started: attempts,
        max_attempts: 3,
        queued_at: at,
        started_at: at,
    };
    let error = (status == Status::Failed).then(|| format!("{id} broke"));
    let changes = [
        Change::Start {
            run: run.clone(),
            at,
        },
        Change::Settle(Settlement {
            run,
            status,
            attempts_made: attempts,
            result: None,
            error,
            progress: None,
            at: at + 1_000,
        }),
    ];
    store.apply(&changes, &[]).await.unwrap();
}

fn window(queues: &[&str], max_failures: usize) -> RecapWindow {
    RecapWindow {
        from: 100 * HOUR,
        to: 124 * HOUR,
        queues: queues.iter().map(ToString::to_string).collect(),
        max_failures,
    }
}

#[tokio::test]
async fn jobs_of_the_window_are_counted_by_queue_name_and_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("jobs.db").display());
    let store = Store::open(&url).await.unwrap();
    settled(&store, "before", "content", Status::Succeeded, 1, 99 * HOUR).await;
    settled(&store, "one", "content", Status::Succeeded, 1, 100 * HOUR).await;
    settled(&store, "two", "content", Status::Succeeded, 3, 101 * HOUR).await;
    settled(&store, "three", "content", Status::Failed, 3, 102 * HOUR).await;
    settled(&store, "four", "content", Status::Failed, 3, 103 * HOUR).await;
    settled(&store, "five", "content", Status::Delayed, 1, 104 * HOUR).await;
    settled(
        &store,
        "other",
        "fineTune",
        Status::Cancelled,
        1,
        105 * HOUR,
    )
    .await;
    settled(&store, "after", "content", Status::Succeeded, 1, 124 * HOUR).await;
    let source = StoreRecap::new(store.clone(), Handle::current());

    let summary = source.summary(&window(&[], 1)).await.unwrap();
    let content = RecapGroup {
        queue: "content".into(),
        name: "generate".into(),
        succeeded: 2,
        failed: 2,
        cancelled: 0,
        unfinished: 1,
        retries: 6,
        mean_duration_ms: Some(1_000),
    };
    let fine_tune = RecapGroup {
        queue: "fineTune".into(),
        name: "generate".into(),
        cancelled: 1,
        mean_duration_ms: Some(1_000),
        ..RecapGroup::default()
    };
    assert_eq!(summary.groups, [content.clone(), fine_tune]);
    assert_eq!(
        summary.failures,
        [RecapFailure {
            queue: "content".into(),
            name: "generate".into(),
            job_id: "bull-four".into(),
            at: 103 * HOUR + 1_000,
            attempts: 3,
            error: "four broke".into(),
        }]
    );
    let only = source.summary(&window(&["content"], 9)).await.unwrap();
    assert_eq!(only.groups, [content]);
    assert_eq!(only.failures.len(), 2);
    let both = source.summary(&window(&["content", "fineTune"], 9)).await;
    assert_eq!(both.unwrap().groups.len(), 2);
    let neither = source.summary(&window(&["mail"], 9)).await.unwrap();
    assert_eq!(neither, RecapSummary::default());
    store.close().await;
}

#[tokio::test]
async fn more_rows_than_a_page_are_all_counted() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("jobs.db").display());
    let store = Store::open(&url).await.unwrap();
    let rows = i64::from(PAGE) + 1;
    for at in 0..rows {
        let row = NewJob {
            id: format!("row-{at}"),
            queue: "content".into(),
            name: "generate".into(),
            payload: None,
            max_attempts: 1,
            at: 100 * HOUR + at,
        };
        assert!(store.insert(&row).await.unwrap());
    }
    let source = StoreRecap::new(store.clone(), Handle::current());
    let summary = source.summary(&window(&[], 9)).await.unwrap();
    assert_eq!(summary.jobs(), rows.unsigned_abs());
    store.close().await;
}
