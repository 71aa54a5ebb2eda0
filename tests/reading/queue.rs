//! The queue as a whole: counts, settings, limits, metrics, workers.

use std::{collections::BTreeSet, time::Duration};

use bullrs::{JobResult, JobState, queue::MetricsKind};
use redis::AsyncCommands;
use serde_json::Value;

use crate::support::{Rig, eventually, within};

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
