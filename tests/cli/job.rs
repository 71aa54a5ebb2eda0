//! `bullrs job cancel`.

use std::time::Duration;

use bullrs::store::{NewJob, Status, Store, Timeline};
use redis::AsyncCommands as _;
use serde_json::{Value, json};

use super::{
    process::Run,
    support::{Rig, within},
};

fn cancel(rig: &Rig, rest: &str) -> Run {
    Run::line(&format!("job cancel q {rest}"))
        .env("REDIS_URL", &rig.url)
        .env("BULLRS_PREFIX", &rig.prefix)
}

/// Runs it beside the runtime of the test, which may have to serve a worker meanwhile.
async fn ended(run: Run) -> super::process::Ended {
    let end = tokio::task::spawn_blocking(|| run.end());
    within("the command to end", end).await.unwrap()
}

#[tokio::test]
async fn a_waiting_job_is_cancelled_at_once() {
    let rig = Rig::start().await;
    rig.queue().add("x", json!({})).await.unwrap();
    rig.queue().add("x", json!({})).await.unwrap();
    cancel(&rig, "1 --reason unwanted").expect(0, "job `1` of queue `q` is cancelled\n", "");
    assert_eq!(rig.hash("1").await["failedReason"], "cancelled: unwanted");
    cancel(&rig, "1").expect(
        1,
        "job `1` of queue `q` had ended before: it is failed\n",
        "",
    );

    let json = cancel(&rig, "2 --json").end();
    assert_eq!((json.code, json.stderr.as_str()), (Some(0), ""));
    let answer: Value = serde_json::from_str(&json.stdout).unwrap();
    let wanted = json!({"queue": "q", "id": "2", "outcome": "cancelled", "state": "failed"});
    assert_eq!(answer, wanted);
    assert_eq!(rig.hash("2").await["failedReason"], "cancelled: on request");
}

#[tokio::test]
async fn a_running_job_is_stopped_by_its_worker() {
    let rig = Rig::start().await;
    rig.queue().add("x", json!({})).attempts(3).await.unwrap();
    let mut worker = Run::line("bench worker --queues q --mode sleep:10m --log-format json")
        .env("REDIS_URL", &rig.url)
        .env("BULLRS_PREFIX", &rig.prefix)
        .env("BULLRS_LOG_LEVEL", "info")
        .start();
    worker.logged("bench worker is ready");
    rig.wait_for_state("1", "active").await;
    let outcome = ended(cancel(&rig, "1 --wait 1m --reason enough").env("NO_COLOR", "1")).await;
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(outcome.stdout, "job `1` of queue `q` is cancelled\n");
    assert_eq!(rig.hash("1").await["failedReason"], "cancelled: enough");
    worker.logged("told a job to stop, as requested");
}

#[tokio::test]
async fn a_job_whose_worker_cannot_be_told_is_said_to_run_on() {
    let rig = Rig::start().await;
    rig.queue().add("x", json!({})).await.unwrap();
    let mut redis = rig.redis.clone();
    let () = redis
        .rpoplpush(rig.key("wait"), rig.key("active"))
        .await
        .unwrap();
    let sentence = "job `1` of queue `q` still runs; its worker was asked to stop it \
                    (workers of another kind than bullrs cannot be told)\n";
    cancel(&rig, "1 --wait 200ms").expect(1, sentence, "");
    cancel(&rig, "1 --wait 0").expect(0, sentence, "");
}

#[tokio::test]
async fn what_cannot_be_cancelled_is_said_so() {
    let rig = Rig::start().await;
    cancel(&rig, "7").expect(
        1,
        "",
        "error: queue `q` has no job `7`\n\nhint: `--prefix` must equal the app's\n",
    );
    cancel(&rig, "7 --wait soon").expect(
        2,
        "",
        "error: --wait: `soon` is not a duration; write `500ms`, `5s`, `2m` or `1h`\n\n\
         hint: `bullrs job cancel --help` explains every setting\n",
    );
    Run::line("job cancel a:b 7")
        .env("REDIS_URL", &rig.url)
        .expect(2, "", "error: `queue` must not contain `:`, got `a:b`\n");
    let away = Run::line("job cancel q 7")
        .env("REDIS_URL", "redis://127.0.0.1:1")
        .end();
    assert_eq!(away.code, Some(3), "{away:?}");
}

#[tokio::test]
async fn the_row_of_a_job_that_waits_is_cancelled_too() {
    let rig = Rig::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("jobs.db").display());
    let store = Store::open(&url).await.unwrap();
    let row = NewJob {
        id: "c1".into(),
        queue: "q".into(),
        name: "x".into(),
        payload: None,
        max_attempts: 1,
        at: 1,
    };
    assert!(store.insert(&row).await.unwrap());
    rig.queue()
        .add("x", json!({"contentJobId": "c1"}))
        .delay(Duration::from_mins(15))
        .await
        .unwrap();
    assert!(store.queued("c1", "q", "x", "1", 5).await.unwrap());
    cancel(&rig, "1 --reason unwanted")
        .env("DATABASE_URL", &url)
        .expect(0, "job `1` of queue `q` is cancelled\n", "");
    let row = store.job("c1").await.unwrap().unwrap();
    assert_eq!(row.status, Status::Cancelled);
    assert_eq!(row.error.as_deref(), Some("cancelled: unwanted"));
    let timeline = store.events(&Timeline::row("c1"), 0, 10).await.unwrap();
    let last = timeline.last().unwrap();
    assert_eq!(
        (last.event.as_str(), last.message.as_deref()),
        ("failed", Some("cancelled: unwanted"))
    );
}
