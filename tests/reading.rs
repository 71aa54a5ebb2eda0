//! What the client can read of a queue, on a real Redis whose state is made by plain commands.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bullrs::{
    Error, JobResult, JobSnapshot, JobState,
    job::{ChildKind, Finished},
    queue::{MetricsKind, PAGE_IDS},
};
use redis::AsyncCommands;
use serde_json::{Value, json};
use support::{Rig, Server, eventually, within};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// Jobs as an app leaves them, put where a test wants them.
impl Rig {
    async fn run(&self, words: &[&str]) {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        let mut redis = self.redis.clone();
        command
            .query_async::<redis::Value>(&mut redis)
            .await
            .unwrap();
    }

    async fn store(&self, id: &str) {
        let key = self.key(id);
        let data = format!("{{\"id\":\"{id}\"}}");
        self.run(&[
            "HSET",
            &key,
            "name",
            "n",
            "data",
            &data,
            "opts",
            "{}",
            "timestamp",
            "1",
        ])
        .await;
    }

    /// New ids come at the left of a list.
    async fn list_jobs(&self, list: &str, ids: &[&str]) {
        for id in ids {
            self.store(id).await;
            self.run(&["LPUSH", &self.key(list), id]).await;
        }
    }

    async fn set_jobs(&self, set: &str, ids: &[(&str, i64)]) {
        for (id, score) in ids {
            self.store(id).await;
            self.run(&["ZADD", &self.key(set), &score.to_string(), id])
                .await;
        }
    }

    /// `count` jobs named `{start}{0..count}`, in one go.
    async fn many(&self, state: &str, start: &str, count: usize, same_score: bool) {
        let mut pipe = redis::pipe();
        for index in 0..count {
            let id = format!("{start}{index}");
            pipe.hset(self.key(&id), "name", "n").ignore();
            pipe.hset(self.key(&id), "data", "{}").ignore();
            if state == "wait" || state == "active" {
                pipe.lpush(self.key(state), id).ignore();
            } else {
                let score = if same_score { 7 } else { index };
                pipe.zadd(self.key(state), id, score).ignore();
            }
        }
        let mut redis = self.redis.clone();
        pipe.query_async::<()>(&mut redis).await.unwrap();
    }
}

fn ids(jobs: &[JobSnapshot]) -> Vec<&str> {
    jobs.iter().map(JobSnapshot::id).collect()
}

fn named(start: &str, places: impl Iterator<Item = usize>) -> Vec<String> {
    places.map(|index| format!("{start}{index}")).collect()
}

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
async fn lists_come_in_both_orders_and_in_ranges() {
    let rig = Rig::start().await;
    rig.list_jobs("wait", &["a", "b", "c", "d"]).await;
    rig.set_jobs("completed", &[("x", 1), ("y", 2), ("z", 3)])
        .await;
    let queue = rig.queue();
    let waiting = || queue.jobs([JobState::Waiting]);
    assert_eq!(ids(&waiting().await.unwrap()), ["d", "c", "b", "a"]);
    assert_eq!(
        ids(&waiting().ascending().await.unwrap()),
        ["a", "b", "c", "d"]
    );
    assert_eq!(
        ids(&waiting().ascending().range(1..3).await.unwrap()),
        ["b", "c"]
    );
    assert_eq!(ids(&waiting().range(3..=9).await.unwrap()), ["a"]);
    assert_eq!(
        ids(&waiting().ascending().range(4..).await.unwrap()),
        [""; 0]
    );
    assert_eq!(
        ids(&waiting().ascending().range(0..0).await.unwrap()),
        [""; 0]
    );
    let completed = || queue.jobs([JobState::Completed]);
    assert_eq!(ids(&completed().await.unwrap()), ["z", "y", "x"]);
    assert_eq!(
        ids(&completed().ascending().range(..2).await.unwrap()),
        ["x", "y"]
    );
    assert_eq!(
        ids(&completed().descending().range(2..).await.unwrap()),
        ["x"]
    );
    // The range counts in each state, and states come in the order asked.
    let both = || {
        queue
            .jobs([JobState::Completed, JobState::Waiting])
            .range(0..2)
    };
    let found = both().await.unwrap();
    assert_eq!(ids(&found), ["z", "y", "d", "c"]);
    let states: Vec<_> = found.iter().filter_map(JobSnapshot::listed_in).collect();
    assert_eq!(states[1..3], [JobState::Completed, JobState::Waiting]);
    assert_eq!(both().ids().await.unwrap(), ["z", "y", "d", "c"]);
    let error = queue
        .jobs([JobState::Unknown])
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "`states` must not contain `unknown`: such jobs are listed nowhere"
    );
}

#[tokio::test]
async fn gone_jobs_are_passed_over_and_later_ones_take_their_place() {
    let rig = Rig::start().await;
    rig.list_jobs("wait", &["a", "b", "c", "d", "e"]).await;
    rig.run(&["DEL", &rig.key("b"), &rig.key("c")]).await;
    // A marker of the time before version 5 is no job.
    rig.run(&["RPUSH", &rig.key("wait"), "0:0"]).await;
    let waiting = || rig.client.queue("q").jobs([JobState::Waiting]).ascending();
    assert_eq!(ids(&waiting().range(0..2).await.unwrap()), ["a", "d"]);
    assert_eq!(ids(&waiting().await.unwrap()), ["a", "d", "e"]);
    assert_eq!(waiting().ids().await.unwrap(), ["a", "b", "c", "d", "e"]);
    // An id that stands in two states is listed once.
    rig.set_jobs("failed", &[("d", 1)]).await;
    let both = [JobState::Waiting, JobState::Failed];
    assert_eq!(ids(&rig.queue().jobs(both).await.unwrap()), ["e", "d", "a"]);
}

#[tokio::test]
async fn what_a_5x_app_parked_waits_too() {
    let rig = Rig::start().await;
    rig.list_jobs("paused", &["a", "b"]).await;
    rig.list_jobs("wait", &["c"]).await;
    rig.set_jobs("delayed", &[("d", 4_096_000)]).await;
    rig.run(&["HSET", &rig.key("meta"), "paused", "1"]).await;
    let queue = rig.queue();
    let waiting = queue
        .jobs([JobState::Waiting, JobState::Delayed])
        .ascending();
    assert_eq!(ids(&waiting.await.unwrap()), ["c", "d", "a", "b"]);
    assert_eq!(
        ids(&queue.jobs([JobState::Paused]).await.unwrap()),
        ["b", "a"]
    );
    let counts = queue.counts().await.unwrap();
    assert_eq!(
        (counts.wait, counts.paused, counts.of(JobState::Waiting)),
        (1, 2, 3)
    );
    assert_eq!(
        (counts.total(), counts.ahead(), queue.count().await.unwrap()),
        (4, 4, 4)
    );
    assert_eq!(
        queue
            .count_of([JobState::Waiting, JobState::Paused])
            .await
            .unwrap(),
        3
    );
    assert_eq!(queue.count_of([JobState::Paused]).await.unwrap(), 2);
    assert_eq!(queue.counts_per_priority(&[0]).await.unwrap(), [3]);
    let job = queue.job("a");
    assert_eq!(job.state().await.unwrap(), JobState::Waiting);
    assert!(job.is_waiting().await.unwrap() && job.is_in(JobState::Paused).await.unwrap());
    assert!(!queue.job("c").is_in(JobState::Paused).await.unwrap());
}

#[tokio::test]
async fn counts_are_by_state_by_priority_and_by_time() {
    let rig = Rig::start().await;
    rig.list_jobs("wait", &["a", "b", "c"]).await;
    rig.list_jobs("active", &["d"]).await;
    let class = |priority: i64| priority << 32;
    rig.set_jobs(
        "prioritized",
        &[
            ("e", class(1) + 5),
            ("f", class(1) + 9),
            ("g", class(2_097_151)),
        ],
    )
    .await;
    rig.set_jobs("delayed", &[("h", 1000 * 4096), ("i", 2000 * 4096 + 1)])
        .await;
    rig.set_jobs("waiting-children", &[("j", 1)]).await;
    rig.set_jobs("completed", &[("k", 1), ("l", 2)]).await;
    rig.set_jobs("failed", &[("m", 1)]).await;
    let queue = rig.queue();
    let counts = queue.counts().await.unwrap();
    let expected = [1, 2, 2, 1, 0, 3, 3, 1];
    assert_eq!(JobState::ALL.map(|state| counts.of(state)), expected);
    for (state, count) in JobState::ALL.into_iter().zip(expected) {
        assert_eq!(queue.count_of([state]).await.unwrap(), count, "{state}");
    }
    assert_eq!(
        (counts.total(), queue.count_of([]).await.unwrap()),
        (13, 13)
    );
    assert_eq!((counts.ahead(), queue.count().await.unwrap()), (9, 9));
    let priorities = queue
        .counts_per_priority(&[0, 1, 2, 2_097_151])
        .await
        .unwrap();
    assert_eq!(priorities, [3, 2, 0, 1]);
    assert!(queue.counts_per_priority(&[2_097_152]).await.is_err());
    let due = [1000, 1001, 2001].map(|time| queue.delayed_before(time));
    let due = futures_util::future::try_join_all(due).await.unwrap();
    assert_eq!(due, [0, 1, 2]);
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
async fn settings_are_read_and_bad_ones_named() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let empty = queue.meta().await.unwrap();
    assert_eq!(
        (
            empty.is_paused(),
            empty.version(),
            empty.concurrency().unwrap()
        ),
        (false, None, None)
    );
    assert_eq!(
        (
            queue.version().await.unwrap(),
            queue.is_paused().await.unwrap()
        ),
        (None, false)
    );
    assert_eq!(queue.global_rate_limit().await.unwrap(), None);
    assert!(!queue.is_maxed().await.unwrap());

    let meta = rig.key("meta");
    rig.run(&[
        "HSET",
        &meta,
        "version",
        "bullmq:6.7.0",
        "paused",
        "1",
        "concurrency",
        "1",
    ])
    .await;
    rig.run(&[
        "HSET",
        &meta,
        "max",
        "3",
        "opts.maxLenEvents",
        "10000",
        "mine",
        "kept",
    ])
    .await;
    assert_eq!(queue.global_rate_limit().await.unwrap(), None);
    rig.run(&["HSET", &meta, "duration", "60000"]).await;
    let read = queue.meta().await.unwrap();
    assert!(read.is_paused() && queue.is_paused().await.unwrap());
    assert_eq!(read.version(), Some("bullmq:6.7.0"));
    assert_eq!(
        queue.version().await.unwrap().as_deref(),
        Some("bullmq:6.7.0")
    );
    assert_eq!(
        (read.concurrency().unwrap(), read.max_events().unwrap()),
        (Some(1), Some(10_000))
    );
    assert_eq!(queue.global_concurrency().await.unwrap(), Some(1));
    assert_eq!(
        (read.max().unwrap(), read.duration().unwrap()),
        (Some(3), Some(Duration::from_mins(1)))
    );
    let limit = queue.global_rate_limit().await.unwrap().unwrap();
    assert_eq!((limit.max, limit.duration), (3, Duration::from_mins(1)));
    assert_eq!(read.rate_limit().unwrap(), Some(limit));
    assert_eq!(read.others().collect::<Vec<_>>(), [("mine", "kept")]);
    assert!(!queue.is_maxed().await.unwrap());
    rig.list_jobs("active", &["a"]).await;
    assert!(queue.is_maxed().await.unwrap());

    rig.run(&["HSET", &meta, "concurrency", "lots"]).await;
    assert_eq!(
        queue.global_concurrency().await.unwrap_err().to_string(),
        "cannot read `concurrency` in the settings of queue `q`: it is not a number"
    );
    assert_eq!(queue.meta().await.unwrap().max().unwrap(), Some(3));
}

#[tokio::test]
async fn the_rest_of_a_rate_limit_is_told() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let limiter = rig.key("limiter");
    assert_eq!(queue.rate_limit_ttl(None).await.unwrap(), None);
    rig.run(&["SET", &limiter, "5", "PX", "3600000"]).await;
    let about_an_hour = |ttl: Option<Duration>| {
        let ttl = ttl.unwrap();
        assert!(
            ttl <= Duration::from_hours(1) && ttl > Duration::from_mins(50),
            "{ttl:?}"
        );
    };
    about_an_hour(queue.rate_limit_ttl(None).await.unwrap());
    about_an_hour(queue.rate_limit_ttl(Some(5)).await.unwrap());
    assert_eq!(queue.rate_limit_ttl(Some(6)).await.unwrap(), None);
    rig.run(&["HSET", &rig.key("meta"), "max", "6"]).await;
    assert_eq!(queue.rate_limit_ttl(None).await.unwrap(), None);
    rig.run(&["HDEL", &rig.key("meta"), "max"]).await;
    rig.run(&["PERSIST", &limiter]).await;
    assert_eq!(
        queue.rate_limit_ttl(None).await.unwrap(),
        Some(Duration::MAX)
    );

    assert_eq!(queue.deduplication_job_id("d").await.unwrap(), None);
    rig.run(&["SET", &rig.key("de:d"), "7"]).await;
    assert_eq!(
        queue.deduplication_job_id("d").await.unwrap().as_deref(),
        Some("7")
    );
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
async fn metrics_have_totals_and_minutes() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let none = queue.metrics(MetricsKind::Failed).await.unwrap();
    assert_eq!(
        (none.count, none.previous_at, none.minutes.len()),
        (0, None, 0)
    );
    let key = rig.key("metrics:completed");
    rig.run(&[
        "HSET",
        &key,
        "count",
        "42",
        "prevTS",
        "1700000000000",
        "prevCount",
        "40",
    ])
    .await;
    let data = rig.key("metrics:completed:data");
    rig.run(&["RPUSH", &data, "5", "0", "7", "30"]).await;
    let all = queue.metrics(MetricsKind::Completed).await.unwrap();
    assert_eq!(
        (all.count, all.previous_count, all.minutes_kept),
        (42, 40, 4)
    );
    assert_eq!(
        (all.previous_at, all.minutes),
        (Some(1_700_000_000_000), vec![5, 0, 7, 30])
    );
    for (range, minutes) in [
        (0..2, vec![5, 0]),
        (2..9, vec![7, 30]),
        (9..20, vec![]),
        (0..0, vec![]),
    ] {
        let some = queue
            .metrics(MetricsKind::Completed)
            .range(range)
            .await
            .unwrap();
        assert_eq!(
            (some.count, some.minutes_kept, some.minutes),
            (42, 4, minutes)
        );
    }
    let mut redis = rig.redis.clone();
    let many: Vec<u64> = (0..20_500).collect();
    let _length: u64 = redis.rpush(&data, &many).await.unwrap();
    let all = queue.metrics(MetricsKind::Completed).await.unwrap();
    assert_eq!(
        (
            all.minutes.len(),
            all.minutes_kept,
            all.minutes[4..] == many
        ),
        (20_504, 20_504, true)
    );
    rig.run(&["LSET", &data, "1", "x"]).await;
    assert_eq!(
        queue
            .metrics(MetricsKind::Completed)
            .await
            .unwrap_err()
            .to_string(),
        "cannot read `data[1]` in the completed metrics of queue `q`: it is not a number of jobs"
    );
}

#[tokio::test]
async fn prometheus_reads_what_stock_exports() {
    let rig = Rig::start().await;
    rig.list_jobs("wait", &["a", "b"]).await;
    rig.set_jobs("failed", &[("c", 1)]).await;
    rig.run(&["HSET", &rig.key("metrics:failed"), "count", "9"])
        .await;
    let labels = [("env", "a\"b\\c\nd"), ("zone", "1")];
    let text = rig.queue().prometheus_metrics(labels).await.unwrap();
    let added = r#", env="a\"b\\c\nd", zone="1""#;
    let state = |name: &str, count: u8| {
        format!("bullmq_job_count{{queue=\"q\", state=\"{name}\"{added}}} {count}\n")
    };
    let expected = format!(
        "# HELP bullmq_job_count Number of jobs in the queue by state\n# TYPE bullmq_job_count gauge\n\
         {}{}{}{}{}{}{}\
         # HELP bullmq_job_completed_total Total number of completed jobs\n\
         # TYPE bullmq_job_completed_total counter\n\
         bullmq_job_completed_total{{queue=\"q\"{added}}} 0\n\
         # HELP bullmq_job_failed_total Total number of failed jobs\n\
         # TYPE bullmq_job_failed_total counter\n\
         bullmq_job_failed_total{{queue=\"q\"{added}}} 9",
        state("active", 0),
        state("completed", 0),
        state("delayed", 0),
        state("failed", 1),
        state("prioritized", 0),
        state("waiting", 2),
        state("waiting-children", 0),
    );
    assert_eq!(text, expected);
    let plain = rig.queue().prometheus_metrics([("", ""); 0]).await.unwrap();
    assert_eq!(plain, expected.replace(added, ""));
    for name in ["", "a-b", "1a", "queue", "state"] {
        let error = rig
            .queue()
            .prometheus_metrics([(name, "x")])
            .await
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("`labels` must have names of letters"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn children_are_counted_and_read_by_how_they_ended() {
    let rig = Rig::start().await;
    let child = |id: &str| format!("{}:cq:{id}", rig.prefix);
    rig.run(&[
        "HSET",
        &rig.key("p:processed"),
        &child("a"),
        r#"{"n":1}"#,
        &child("b"),
        "2",
    ])
    .await;
    rig.run(&[
        "SADD",
        &rig.key("p:dependencies"),
        &child("repeat:s:7"),
        "{other}:far:c",
    ])
    .await;
    rig.run(&["HSET", &rig.key("p:failed"), &child("d"), "bad luck"])
        .await;
    rig.run(&[
        "ZADD",
        &rig.key("p:unsuccessful"),
        "1700000000000",
        &child("e"),
    ])
    .await;
    rig.run(&["HSET", &child("a"), "name", "child", "data", "{}"])
        .await;
    let parent = rig.queue().job("p");
    let counts = parent.children_counts().await.unwrap();
    assert_eq!(
        (
            counts.processed,
            counts.unprocessed,
            counts.ignored,
            counts.failed
        ),
        (2, 2, 1, 1)
    );

    let page = parent
        .children(ChildKind::Processed)
        .with_jobs()
        .await
        .unwrap();
    assert_eq!((page.total, page.next, page.children.len()), (2, None, 2));
    let a = page.children.iter().find(|each| each.id() == "a").unwrap();
    assert_eq!(
        (a.queue(), a.key(), a.value()),
        ("cq", child("a").as_str(), Some(r#"{"n":1}"#))
    );
    assert_eq!(a.read_value::<Value>().unwrap(), json!({"n": 1}));
    let job = a.job().unwrap();
    assert_eq!(
        (job.name(), job.queue(), job.key()),
        (Some("child"), "cq", child("a"))
    );
    let b = page.children.iter().find(|each| each.id() == "b").unwrap();
    assert!(b.job().is_none() && b.failed_reason().is_none() && b.failed_on().is_none());

    let values: BTreeMap<_, Value> = parent
        .children_values()
        .await
        .unwrap()
        .into_iter()
        .collect();
    assert_eq!(
        values,
        [(child("a"), json!({"n": 1})), (child("b"), json!(2))].into()
    );
    let error = parent
        .children_values::<u8>()
        .await
        .unwrap_err()
        .to_string();
    let a = child("a");
    assert_eq!(
        error,
        format!(
            "cannot read the value of child `{a}`: invalid type, expected u8 at line 1 column 0"
        )
    );
    let ignored = parent.ignored_children_failures().await.unwrap();
    assert_eq!(ignored, [(child("d"), "bad luck".to_owned())]);
    let pending = parent.children(ChildKind::Unprocessed).all().await.unwrap();
    let pending: BTreeSet<_> = pending
        .iter()
        .map(|each| (each.queue(), each.id()))
        .collect();
    assert_eq!(pending, [("cq", "repeat:s:7"), ("far", "c")].into());
    let failed = parent.children(ChildKind::Failed).all().await.unwrap();
    assert_eq!(
        (failed[0].id(), failed[0].failed_on()),
        ("e", Some(1_700_000_000_000))
    );
    assert!(failed[0].read_value::<Value>().is_err());

    let childless = rig
        .queue()
        .job("none")
        .children(ChildKind::Failed)
        .await
        .unwrap();
    assert_eq!(
        (childless.children.len(), childless.next, childless.total),
        (0, None, 0)
    );
}

#[tokio::test]
async fn many_children_come_in_pages_and_each_once() {
    let rig = Rig::start().await;
    let keys: BTreeSet<String> = (0..1500)
        .map(|id| format!("{}:cq:{id}", rig.prefix))
        .collect();
    let mut pipe = redis::pipe();
    for (index, key) in keys.iter().enumerate() {
        pipe.hset(rig.key("p:processed"), key, index).ignore();
        pipe.hset(rig.key("p:failed"), key, "reason").ignore();
        pipe.sadd(rig.key("p:dependencies"), key).ignore();
        pipe.zadd(rig.key("p:unsuccessful"), key, index).ignore();
    }
    pipe.query_async::<()>(&mut rig.redis.clone())
        .await
        .unwrap();
    let parent = rig.queue().job("p");
    for kind in [
        ChildKind::Processed,
        ChildKind::Unprocessed,
        ChildKind::Ignored,
        ChildKind::Failed,
    ] {
        let all = parent.children(kind).all().await.unwrap();
        assert_eq!(all.len(), 1500);
        let all: BTreeSet<String> = all.iter().map(|child| child.key().to_owned()).collect();
        assert_eq!(all, keys);

        let (mut cursor, mut paged, mut pages) = (Some(0), BTreeSet::new(), 0);
        while let Some(at) = cursor {
            let page = parent
                .children(kind)
                .after(at)
                .page_size(100)
                .await
                .unwrap();
            assert!(
                page.children.len() <= 200,
                "{kind:?}: {}",
                page.children.len()
            );
            assert_eq!(page.total, 1500);
            paged.extend(page.children.iter().map(|child| child.key().to_owned()));
            (cursor, pages) = (page.next, pages + 1);
        }
        assert_eq!(paged, keys);
        assert!(pages > 7, "{kind:?}: {pages}");

        let mut streamed = BTreeSet::new();
        let mut stream = parent.children(kind).page_size(1000).stream();
        while let Some(child) = stream.next().await {
            streamed.insert(child.unwrap().key().to_owned());
        }
        assert_eq!(streamed, keys);
    }
    let failed = parent
        .children(ChildKind::Failed)
        .page_size(2)
        .after(2)
        .await
        .unwrap();
    let times: Vec<_> = failed
        .children
        .iter()
        .map(|child| child.failed_on().unwrap())
        .collect();
    assert_eq!((times, failed.next), (vec![2, 3], Some(4)));
    let last = parent
        .children(ChildKind::Failed)
        .page_size(2)
        .after(1498)
        .await
        .unwrap();
    assert_eq!((last.children.len(), last.next), (2, None));
}

#[tokio::test]
async fn workers_and_event_readers_are_known_by_their_connections() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    assert_eq!(queue.workers_count().await.unwrap(), 0);
    let other = rig.client.queue("qq");
    let worker = |name| {
        let worker = rig.client.worker("q").name(name);
        worker
            .handle("n", async |job: bullrs::Job<Value>| JobResult::Ok(job.data))
            .build()
            .unwrap()
    };
    let running = worker("b:c").start().await.unwrap();
    eventually("the worker to be seen", || async {
        queue.workers_count().await.unwrap() == 1
    })
    .await;

    // Named as stock does: an unnamed worker, and a reader of events.
    let stock = redis::Client::open(rig.url.as_str()).unwrap();
    let mut connections = Vec::new();
    for end in ["", ":qe", ":other"] {
        let mut connection = stock.get_multiplexed_async_connection().await.unwrap();
        let name = format!("{}:cQ=={end}", rig.prefix);
        redis::cmd("CLIENT")
            .arg("SETNAME")
            .arg(name)
            .query_async::<()>(&mut connection)
            .await
            .unwrap();
        connections.push(connection);
    }
    let workers = queue.workers().await.unwrap();
    let names: BTreeSet<_> = workers
        .iter()
        .map(|each| (each.raw_name(), each.worker_name()))
        .collect();
    let base = format!("{}:cQ==", rig.prefix);
    let raw = format!("{base}:w:b:c");
    assert_eq!(
        names,
        [(base.as_str(), None), (raw.as_str(), Some("b:c"))].into()
    );
    for worker in &workers {
        assert!(worker.address().unwrap().starts_with("127.0.0.1:"));
        assert!(worker.age().is_some() && worker.idle().is_some());
        assert!(worker.field("id").unwrap().parse::<u64>().is_ok());
    }
    let readers = queue.event_readers().await.unwrap();
    assert_eq!(readers.len(), 1);
    assert_eq!(readers[0].raw_name(), format!("{base}:qe"));
    assert_eq!(other.workers_count().await.unwrap(), 0);
    running.control().stop();
    within("the worker to stop", running.finished()).await;
    eventually("the worker to be gone", || async {
        queue.workers_count().await.unwrap() == 1
    })
    .await;
}

/// Reads a stream to its end; after `pause` items `meanwhile` happens.
async fn collect<F: Future<Output = ()>>(
    mut stream: bullrs::queue::JobStream<String>,
    pause: usize,
    meanwhile: impl FnOnce() -> F,
) -> Vec<String> {
    let mut found = Vec::new();
    while found.len() < pause {
        found.push(stream.next().await.unwrap().unwrap());
    }
    meanwhile().await;
    while let Some(id) = stream.next().await {
        found.push(id.unwrap());
    }
    found
}

#[tokio::test]
async fn a_stream_gives_every_job_once_in_order() {
    let rig = Rig::start().await;
    rig.many("wait", "w", 2500, false).await;
    rig.many("completed", "c", 2500, true).await;
    rig.many("failed", "f", 30, false).await;
    rig.run(&["DEL", &rig.key("w7"), &rig.key("w2000")]).await;
    let states = [JobState::Waiting, JobState::Failed];
    let mut found = Vec::new();
    let mut stream = rig.queue().jobs(states).ascending().stream();
    while let Some(job) = stream.next().await {
        found.push(job.unwrap().id().to_owned());
    }
    let mut expected = named("w", (0..2500).filter(|index| ![7, 2000].contains(index)));
    expected.extend(named("f", 0..30));
    assert!(found == expected, "{} of {}", found.len(), expected.len());
    assert!(stream.next().await.is_none());

    let found = collect(
        rig.queue().jobs([JobState::Waiting]).stream_ids(),
        0,
        async || (),
    )
    .await;
    assert!(found == named("w", (0..2500).rev()), "{}", found.len());
    let all = rig.queue().jobs([JobState::Completed]).ids().await.unwrap();
    assert_eq!(
        (all.len(), all.iter().collect::<BTreeSet<_>>().len()),
        (2500, 2500)
    );
    let ranged = rig
        .queue()
        .jobs([JobState::Waiting])
        .ascending()
        .range(900..2100)
        .ids()
        .await
        .unwrap();
    assert!(ranged == named("w", 900..2100));
    let ranged = rig
        .queue()
        .jobs([JobState::Waiting])
        .ascending()
        .range(900..1100)
        .await
        .unwrap();
    assert!(ids(&ranged) == named("w", 900..1100));
}

#[tokio::test]
async fn a_stream_goes_on_where_it_was_while_jobs_come_and_go() {
    let rig = Rig::start().await;
    let page = usize::try_from(PAGE_IDS).unwrap();
    let waiting = |client: &bullrs::Client| client.queue("q").jobs([JobState::Waiting]);

    // The oldest first, while workers take the oldest and new ones come.
    rig.many("wait", "w", 2500, false).await;
    let found = collect(
        waiting(&rig.client).ascending().stream_ids(),
        page,
        async || {
            rig.run(&["LTRIM", &rig.key("wait"), "0", "-701"]).await;
            rig.many("wait", "new", 300, false).await;
        },
    );
    assert!(found.await == named("w", 0..2500));

    // All that was read has gone.
    rig.run(&["DEL", &rig.key("wait")]).await;
    rig.many("wait", "w", 2500, false).await;
    let found = collect(
        waiting(&rig.client).ascending().stream_ids(),
        page,
        async || {
            rig.run(&["LTRIM", &rig.key("wait"), "0", "-1201"]).await;
        },
    );
    let expected: Vec<String> = named("w", (0..1000).chain(1200..2500));
    assert!(found.await == expected);

    // The newest first, while new ones come and workers take the oldest.
    rig.run(&["DEL", &rig.key("wait")]).await;
    rig.many("wait", "w", 2500, false).await;
    let found = collect(waiting(&rig.client).stream_ids(), page, async || {
        rig.many("wait", "new", 1700, false).await;
        rig.run(&["LTRIM", &rig.key("wait"), "0", "-101"]).await;
    });
    assert!(found.await == named("w", (100..2500).rev()));

    // Nothing that is older is left.
    rig.run(&["DEL", &rig.key("wait")]).await;
    rig.many("wait", "w", 2500, false).await;
    let found = collect(waiting(&rig.client).stream_ids(), page, async || {
        rig.many("wait", "new", 1700, false).await;
        rig.run(&["LTRIM", &rig.key("wait"), "0", "1699"]).await;
    });
    assert!(found.await == named("w", (1500..2500).rev()));
}

#[tokio::test]
async fn a_stream_of_a_sorted_set_goes_on_where_it_was() {
    let rig = Rig::start().await;
    let page = usize::try_from(PAGE_IDS).unwrap();
    let completed = |client: &bullrs::Client| client.queue("q").jobs([JobState::Completed]);

    // The oldest are evicted, so that nothing of the page is left.
    rig.many("completed", "c", 2500, false).await;
    let found = collect(
        completed(&rig.client).ascending().stream_ids(),
        page,
        async || {
            rig.run(&["ZREMRANGEBYRANK", &rig.key("completed"), "0", "1099"])
                .await;
            rig.run(&["ZADD", &rig.key("completed"), "9999", "new"])
                .await;
        },
    );
    let mut expected = named("c", (0..1000).chain(1100..2500));
    // It ends after as many ids as there were; 100 have gone, so there is room for a new one.
    expected.push("new".into());
    assert!(found.await == expected);

    // The newest first: new ones come, and the page itself is retried away.
    rig.run(&["DEL", &rig.key("completed")]).await;
    rig.many("completed", "c", 2500, false).await;
    let found = collect(completed(&rig.client).stream_ids(), page, async || {
        rig.run(&["ZREMRANGEBYSCORE", &rig.key("completed"), "1500", "2499"])
            .await;
        rig.many("completed", "new", 2400, false).await;
        let mut pipe = redis::pipe();
        for index in 0..2400 {
            pipe.zadd(rig.key("completed"), format!("new{index}"), 10_000 + index)
                .ignore();
        }
        pipe.query_async::<()>(&mut rig.redis.clone())
            .await
            .unwrap();
    });
    assert!(found.await == named("c", (0..2500).rev()));
}

#[tokio::test]
async fn no_command_asks_for_more_than_a_page() {
    let server = Server::start(false);
    let rig = Rig::on(&server.url()).await;
    rig.many("wait", "w", 2500, false).await;
    rig.many("failed", "f", 2500, false).await;
    let mut redis = rig.redis.clone();
    let _length: u64 = redis
        .rpush(rig.key("1:logs"), named("row ", 0..3000))
        .await
        .unwrap();

    let socket = tokio::net::TcpStream::connect(("127.0.0.1", server.port))
        .await
        .unwrap();
    let mut lines = BufReader::new(socket);
    lines.write_all(b"MONITOR\r\n").await.unwrap();
    let mut line = String::new();
    lines.read_line(&mut line).await.unwrap();
    assert_eq!(line, "+OK\r\n");

    let queue = rig.queue();
    let all = [JobState::Waiting, JobState::Failed];
    assert_eq!(queue.jobs(all).await.unwrap().len(), 5000);
    assert_eq!(queue.jobs(all).ascending().ids().await.unwrap().len(), 5000);
    assert_eq!(queue.job("1").logs().await.unwrap().rows.len(), 3000);
    rig.run(&["PING", "the end"]).await;

    let (mut reads, mut widest) = (0, 0);
    while !line.contains("the end") {
        line.clear();
        within("a line of MONITOR", lines.read_line(&mut line))
            .await
            .unwrap();
        let words: Vec<&str> = line.split('"').collect();
        if let [
            _,
            "LRANGE" | "ZRANGE" | "ZREVRANGE",
            _,
            _,
            _,
            from,
            _,
            to,
            ..,
        ] = words.as_slice()
        {
            let (from, to): (i64, i64) = (from.parse().unwrap(), to.parse().unwrap());
            assert_eq!(from < 0, to < 0, "an open end: {line}");
            widest = widest.max(to - from + 1);
            reads += 1;
        }
    }
    assert!(reads > 50, "{reads}");
    // One more than a page: the last id of the page before.
    assert_eq!(widest, i64::try_from(PAGE_IDS).unwrap() + 1);
}

#[tokio::test]
async fn a_stream_ends_after_an_error_and_a_bad_name_is_one() {
    let mut server = Server::start(false);
    let rig = Rig::on(&server.url()).await;
    rig.many("wait", "w", 500, false).await;
    let mut stream = rig.queue().jobs([JobState::Waiting]).stream();
    assert_eq!(stream.next().await.unwrap().unwrap().id(), "w499");
    server.kill();
    let error = loop {
        match stream.next().await.expect("an error before the end") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(error.is_transient(), "{error}");
    assert!(stream.next().await.is_none());
    server.restart();

    let colon = rig.client.queue("a:b");
    let error = colon.jobs([]).await.unwrap_err().to_string();
    assert_eq!(error, "`queue` must not contain `:`, got `a:b`");
    assert!(colon.jobs([]).stream().next().await.unwrap().is_err());
    assert!(colon.meta().await.is_err() && colon.job("1").snapshot().await.is_err());
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
