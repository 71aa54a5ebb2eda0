//! One job: its snapshot, its state, its end, its log.

use bullrs::{Error, JobSnapshot, JobState, job::Finished};
use redis::AsyncCommands;
use serde_json::{Value, json};

use crate::{ids, named, support::Rig};

#[tokio::test]
async fn a_job_that_was_added_reads_back_and_one_that_is_gone_is_none() {
    let rig = Rig::start().await;
    let job = rig
        .queue()
        .add("resize", json!({"width": 640}))
        .attempts(3)
        .priority(2)
        .await
        .unwrap();
    let snapshot = job.snapshot().await.unwrap().unwrap();
    assert_eq!(snapshot.faults(), []);
    assert_eq!(
        (snapshot.id(), snapshot.name(), snapshot.queue()),
        ("1", Some("resize"), "q")
    );
    assert_eq!(snapshot.key(), rig.key("1"));
    assert_eq!(
        snapshot.read_data::<Value>().unwrap(),
        json!({"width": 640})
    );
    assert_eq!(snapshot.priority().unwrap(), 2);
    assert_eq!(snapshot.opts().unwrap().run.attempts, Some(3.0));
    assert!(snapshot.timestamp().unwrap().unwrap() > 1_700_000_000_000);
    assert_eq!(snapshot.listed_in(), None);

    let gone = rig.queue().job("no-such-job");
    assert!(gone.snapshot().await.unwrap().is_none());
    assert!(job.exists().await.unwrap() && !gone.exists().await.unwrap());
    let some = rig
        .queue()
        .snapshots(&["no-such-job", "1", "1"])
        .await
        .unwrap();
    let found: Vec<_> = some
        .iter()
        .map(|job| job.as_ref().map(JobSnapshot::id))
        .collect();
    assert_eq!(found, [None, Some("1"), Some("1")]);
}

#[tokio::test]
async fn a_malformed_hash_is_listed_with_its_faults() {
    let rig = Rig::start().await;
    rig.list_jobs("wait", &["good", "bad"]).await;
    rig.run(&[
        "HSET",
        &rig.key("bad"),
        "data",
        "not json{",
        "atm",
        "many",
        "mine",
        "kept",
    ])
    .await;
    let jobs = rig
        .queue()
        .jobs([JobState::Waiting])
        .ascending()
        .await
        .unwrap();
    assert_eq!(ids(&jobs), ["good", "bad"]);
    let faults: Vec<_> = jobs[1]
        .faults()
        .into_iter()
        .map(|fault| fault.field)
        .collect();
    assert_eq!((jobs[0].faults().len(), faults), (0, vec!["data", "atm"]));
    assert_eq!(
        jobs[1].unknown_fields().collect::<Vec<_>>(),
        [("mine", "kept")]
    );
    assert_eq!(
        jobs[1].attempts_made().unwrap_err().to_string(),
        "cannot read `atm` of job `bad` of queue `q`: it is not a number"
    );
}

#[tokio::test]
async fn every_state_is_told_and_checked() {
    let rig = Rig::start().await;
    rig.list_jobs("wait", &["is-waiting"]).await;
    rig.list_jobs("active", &["is-active"]).await;
    for state in [
        "prioritized",
        "delayed",
        "waiting-children",
        "completed",
        "failed",
    ] {
        rig.set_jobs(state, &[(&format!("is-{state}"), 1)]).await;
    }
    for state in JobState::ALL
        .into_iter()
        .filter(|state| *state != JobState::Paused)
    {
        let job = rig.queue().job(&format!("is-{state}"));
        assert_eq!(job.state().await.unwrap(), state);
        assert_eq!(job.state().await.unwrap(), state.as_str());
        let told = [
            job.is_active().await.unwrap(),
            job.is_completed().await.unwrap(),
            job.is_delayed().await.unwrap(),
            job.is_failed().await.unwrap(),
            job.is_in(JobState::Paused).await.unwrap(),
            job.is_prioritized().await.unwrap(),
            job.is_waiting().await.unwrap(),
            job.is_waiting_children().await.unwrap(),
        ];
        assert_eq!(told, JobState::ALL.map(|each| each == state), "{state}");
    }
    let gone = rig.queue().job("gone");
    assert_eq!(gone.state().await.unwrap(), JobState::Unknown);
    assert!(gone.is_in(JobState::Unknown).await.unwrap());
}

#[tokio::test]
async fn the_end_of_a_job_is_told_with_its_value_or_reason() {
    let rig = Rig::start().await;
    rig.list_jobs("active", &["runs"]).await;
    rig.set_jobs("completed", &[("done", 1), ("old", 1)]).await;
    rig.set_jobs("failed", &[("bad", 1)]).await;
    rig.run(&["HSET", &rig.key("done"), "returnvalue", r#"{"n":1}"#])
        .await;
    rig.run(&["HSET", &rig.key("bad"), "failedReason", "no luck"])
        .await;
    rig.run(&["SET", &rig.key("runs:lock"), "token:1"]).await;
    let queue = rig.queue();
    assert_eq!(queue.job("runs").finished().await.unwrap(), None);
    let done = queue.job("done").finished().await.unwrap().unwrap();
    assert_eq!(done.read::<Value>().unwrap(), Some(json!({"n": 1})));
    assert_eq!(
        queue.job("old").finished().await.unwrap(),
        Some(Finished::Completed(None))
    );
    let bad = queue.job("bad").finished().await.unwrap();
    assert_eq!(bad, Some(Finished::Failed(Some("no luck".into()))));
    let gone = queue.job("gone").finished().await.unwrap_err();
    assert!(matches!(gone, Error::JobNotFound { .. }), "{gone}");
    let lock = queue.job("runs").lock_token().await.unwrap();
    assert_eq!(lock.as_deref(), Some("token:1"));
    assert_eq!(queue.job("done").lock_token().await.unwrap(), None);
}

#[tokio::test]
async fn logs_come_in_both_orders_and_in_ranges() {
    let rig = Rig::start().await;
    let job = rig.queue().job("7");
    let none = job.logs().await.unwrap();
    assert_eq!((none.rows.len(), none.count), (0, 0));
    let rows = named("row ", 0..2500);
    let mut redis = rig.redis.clone();
    let _length: u64 = redis.rpush(rig.key("7:logs"), &rows).await.unwrap();
    let all = job.logs().await.unwrap();
    assert_eq!((all.rows == rows, all.count), (true, 2500));
    let all = job.logs().descending().await.unwrap();
    assert!(all.rows.iter().eq(rows.iter().rev()));
    for (range, ascending, expected) in [
        (0..2, true, &["row 0", "row 1"] as &[&str]),
        (0..2, false, &["row 2499", "row 2498"]),
        (2498..2600, true, &["row 2498", "row 2499"]),
        (2499..2600, false, &["row 0"]),
        (2500..2600, true, &[]),
        (2500..2600, false, &[]),
        (0..0, true, &[]),
    ] {
        let logs = job.logs().range(range.clone());
        let logs = if ascending {
            logs.ascending()
        } else {
            logs.descending()
        };
        let logs = logs.await.unwrap();
        assert_eq!(
            (logs.rows.as_slice(), logs.count),
            (
                expected
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .as_slice(),
                2500
            ),
            "{range:?} {ascending}"
        );
    }
    assert_eq!(
        job.logs().range(500..2100).await.unwrap().rows,
        rows[500..2100]
    );
}

#[tokio::test]
async fn big_jobs_come_a_few_at_a_time() {
    let rig = Rig::start().await;
    let big = format!("\"{}\"", "x".repeat(400_000));
    for index in 0..25 {
        let id = format!("b{index}");
        rig.run(&["HSET", &rig.key(&id), "name", "n", "data", &big])
            .await;
        rig.run(&["LPUSH", &rig.key("wait"), &id]).await;
    }
    let jobs = rig
        .queue()
        .jobs([JobState::Waiting])
        .ascending()
        .await
        .unwrap();
    assert_eq!(ids(&jobs), named("b", 0..25));
    assert!(
        jobs.iter()
            .all(|job| job.data().unwrap().unwrap().get() == big)
    );
}
