//! Job schedulers made, changed, read and removed, and run by a worker, on a real Redis.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use bullrs::{Backoff, Error, Job, JobOptions, JobResult, Keep, scheduler::SchedulerInfo};
use jiff::{Timestamp, civil::date, tz::TimeZone};
use redis::AsyncCommands;
use serde_json::{Value, json};
use support::{Rig, eventually, within};

const HOUR: Duration = Duration::from_hours(1);
const HOUR_MS: i64 = 3_600_000;

fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

fn ms(utc: &str) -> i64 {
    utc.parse::<Timestamp>().unwrap().as_millisecond()
}

/// The next full hour and `hours` more.
fn hour(hours: i64) -> i64 {
    (now() / HOUR_MS + 1 + hours) * HOUR_MS
}

async fn score(rig: &Rig, id: &str) -> Option<i64> {
    rig.redis
        .clone()
        .zscore(rig.key("repeat"), id)
        .await
        .unwrap()
}

async fn opts(rig: &Rig, id: &str) -> Value {
    serde_json::from_str(&rig.hash(id).await["opts"]).unwrap()
}

fn fields(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(field, value)| ((*field).to_owned(), (*value).to_owned()))
        .collect()
}

#[tokio::test]
async fn an_interval_runs_at_once_and_is_stored_as_stock_stores_it() {
    let rig = Rig::start().await;
    let before = now();
    let armed = rig.queue().scheduler("s").every(HOUR).await.unwrap();
    let slot = score(&rig, "s").await.unwrap();
    assert!((before..=now()).contains(&slot));
    assert_eq!(armed.job.id(), format!("repeat:s:{slot}"));
    assert_eq!(armed.delay, Duration::ZERO);
    let offset = (slot % HOUR_MS).to_string();
    assert_eq!(
        rig.hash("repeat:s").await,
        fields(&[
            ("name", "s"),
            ("every", "3600000"),
            ("offset", &offset),
            ("ic", "1")
        ])
    );
    assert_eq!(rig.list("wait").await, [armed.job.id()]);
    let job = rig.hash(armed.job.id()).await;
    assert_eq!(
        (&job["name"][..], &job["data"][..], &job["rjk"][..]),
        ("s", "{}", "s")
    );
    let mut stored = opts(&rig, armed.job.id()).await;
    assert_eq!(stored["timestamp"].take(), json!(slot));
    assert_eq!(
        stored,
        json!({
            "repeat": {"every": 3_600_000, "count": 1}, "repeatJobKey": "s", "timestamp": null,
            "delay": 0, "jobId": armed.job.id(),
        })
    );
}

#[tokio::test]
async fn a_cron_pattern_is_read_on_the_clocks_of_its_zone() {
    let rig = Rig::start().await;
    let zone = TimeZone::get("Europe/Paris").unwrap();
    let year = zone.to_datetime(Timestamp::now()).year() + 1;
    // 02:30 is skipped on the last Sunday of March, and 03:30 stands in for it.
    let sunday = (25..=31)
        .map(|day| date(year, 3, day))
        .find(|day| day.weekday() == jiff::civil::Weekday::Sunday)
        .unwrap();
    let changed = zone.to_timestamp(sunday.at(3, 30, 0, 0)).unwrap();
    let start = changed.as_millisecond() - 20 * HOUR_MS;
    let armed = rig
        .queue()
        .scheduler("nightly")
        .cron("30 2 * * *")
        .time_zone("Europe/Paris")
        .start_date(start)
        .job("clean", json!({"a": 1}))
        .await
        .unwrap();
    let slot = changed.as_millisecond();
    assert_eq!(armed.job.id(), format!("repeat:nightly:{slot}"));
    assert_eq!(
        rig.hash("repeat:nightly").await,
        fields(&[
            ("name", "clean"),
            ("pattern", "30 2 * * *"),
            ("tz", "Europe/Paris"),
            ("startDate", &start.to_string()),
            ("offset", "0"),
            ("data", r#"{"a":1}"#),
            ("ic", "1"),
        ])
    );
    let stored = opts(&rig, armed.job.id()).await;
    assert_eq!(stored["prevMillis"], json!(slot));
    assert_eq!(
        stored["repeat"],
        json!({"pattern": "30 2 * * *", "tz": "Europe/Paris", "startDate": start, "count": 1})
    );
    assert_eq!(
        rig.queue().scheduler("nightly").upcoming(3).await.unwrap(),
        // A day of 23 hours is over by then.
        [slot, slot + 23 * HOUR_MS, slot + 47 * HOUR_MS]
    );
}

#[tokio::test]
async fn a_template_has_every_option_of_a_job() {
    let rig = Rig::start().await;
    let queue = rig.queue().defaults(JobOptions::new().attempts(9).lifo());
    let armed = queue
        .scheduler("s")
        .every(HOUR)
        .start_date(hour(5))
        .job("n", json!({"window": "24h"}))
        .attempts(3)
        .backoff(Backoff::exponential(Duration::from_secs(1)))
        .priority(4)
        .keep_completed(Keep::last(7))
        .keep_logs(2)
        .option("mine", json!([1]))
        .await
        .unwrap();
    let template = json!({
        "attempts": 3, "lifo": true, "backoff": {"type": "exponential", "delay": 1000},
        "priority": 4, "removeOnComplete": 7, "kl": 2, "mine": [1],
    });
    let hash = rig.hash("repeat:s").await;
    let stored: Value = serde_json::from_str(&hash["opts"]).unwrap();
    assert_eq!(stored, template);
    let job = opts(&rig, armed.job.id()).await;
    for (option, value) in template.as_object().unwrap() {
        assert_eq!(&job[option], value, "{option}");
    }
    assert_eq!(rig.hash(armed.job.id()).await["priority"], "4");
}

#[tokio::test]
async fn a_change_takes_back_the_job_that_was_armed() {
    let rig = Rig::start().await;
    let scheduler = rig.queue().scheduler("s");
    let first = scheduler.every(HOUR).start_date(hour(3)).await.unwrap();
    let same = scheduler.every(HOUR).job("renamed", ()).await.unwrap();
    assert_eq!(same.job.id(), first.job.id());
    assert_eq!(rig.hash(same.job.id()).await["name"], "renamed");

    let start = hour(9);
    let other = scheduler.every(HOUR * 2).start_date(start).await.unwrap();
    assert_eq!(other.job.id(), format!("repeat:s:{start}"));
    assert!(rig.hash(first.job.id()).await.is_empty());
    let cron = scheduler.cron("0 0 1 1 *").time_zone("UTC").await.unwrap();
    assert!(rig.hash(other.job.id()).await.is_empty());
    let delayed: Vec<String> = rig
        .redis
        .clone()
        .zrange(rig.key("delayed"), 0, -1)
        .await
        .unwrap();
    assert_eq!(delayed, [cron.job.id()]);
    let hash = rig.hash("repeat:s").await;
    assert!(!hash.contains_key("every") && !hash.contains_key("startDate"));
    assert_eq!(rig.queue().scheduler_count().await.unwrap(), 1);
}

#[tokio::test]
async fn an_interval_with_an_offset_keeps_to_it() {
    let rig = Rig::start().await;
    let day = Duration::from_hours(24);
    let every = rig.queue().scheduler("s");
    let armed = every
        .every(day)
        .offset(Duration::from_secs(7))
        .await
        .unwrap();
    let slot = score(&rig, "s").await.unwrap();
    assert_eq!(slot % (24 * HOUR_MS), 7000);
    assert!(slot > now() - 1000 && slot <= now() + 24 * HOUR_MS);
    assert_eq!(rig.hash("repeat:s").await["offset"], "7000");
    assert_eq!(
        opts(&rig, armed.job.id()).await["repeat"]["offset"],
        json!(7000)
    );
}

#[tokio::test]
async fn a_cron_schedule_may_begin_immediately() {
    let rig = Rig::start().await;
    let before = now();
    let scheduler = rig.queue().scheduler("s");
    let yearly = scheduler.cron("0 0 1 1 *").time_zone("UTC");
    let armed = yearly.immediately().await.unwrap();
    assert_eq!(armed.delay, Duration::ZERO);
    let slot = score(&rig, "s").await.unwrap();
    assert!((before..=now()).contains(&slot));
    assert_eq!(
        opts(&rig, armed.job.id()).await["repeat"],
        json!({"pattern": "0 0 1 1 *", "tz": "UTC", "count": 1})
    );
}

#[tokio::test]
async fn schedules_that_make_no_sense_are_refused_with_every_fault() {
    let rig = Rig::start().await;
    let scheduler = rig.queue().scheduler("s");
    let repeat = |json: Value| scheduler.repeat(serde_json::from_value(json).unwrap());
    let soon = now() + 5000;
    for (upsert, fault) in [
        (
            repeat(json!({"every": 1000, "pattern": "* * * * *"})),
            "`every` must not be given with `pattern`",
        ),
        (repeat(json!({})), "`pattern` or `every` must be given"),
        (
            scheduler.cron("99 * * * *"),
            "`pattern` has a bad minute field `99`: 99 must be from 0 to 59",
        ),
        (
            scheduler.cron("* * * * *").time_zone("Mars/Base"),
            "`tz` must be an IANA time zone such as `Europe/Paris`, or `UTC+3`; got `Mars/Base`",
        ),
        (
            scheduler
                .cron("* * * * *")
                .immediately()
                .start_date(soon)
                .end_date(1000),
            "`immediately` and `startDate` must not be given both; `endDate` must not have passed",
        ),
        (
            scheduler.cron("* * * * *").offset(HOUR),
            "`offset` must not be given with `pattern`, only with `every`",
        ),
        (
            scheduler.every(HOUR).end_date(1000),
            "`endDate` must not have passed",
        ),
        (
            scheduler.every(HOUR).limit(2).count(2),
            "`limit` must be more than `count`, which is 0 by default",
        ),
        (
            scheduler.cron("0 0 31 2,4 *"),
            "`pattern` must fit a time to come",
        ),
        (
            scheduler
                .cron("0 0 1 1 *")
                .start_date(ms("2040-02-01T00:00:00Z"))
                .end_date(ms("2040-03-01T00:00:00Z")),
            "`endDate` must not be before the first time of the pattern",
        ),
        (
            scheduler
                .every(HOUR)
                .id("x")
                .delay(HOUR)
                .priority(3_000_000),
            "`jobId` is no option of a scheduler: each job gets its own; \
             `delay` is no option of a scheduler: each job gets its own; \
             `priority` must be between 0 and 2097151, got 3000000",
        ),
    ] {
        let refused = upsert.await.unwrap_err();
        assert!(matches!(refused, Error::Options(_)), "{refused:?}");
        assert_eq!(refused.to_string(), fault);
    }
    let keys: Vec<String> = rig.redis.clone().keys(rig.key("*")).await.unwrap();
    assert_eq!(keys, [""; 0]);
}

#[tokio::test]
async fn a_slot_that_a_finished_job_occupies_is_said_to_be_taken() {
    let rig = Rig::start().await;
    let yearly = rig.queue().scheduler("s");
    let armed = yearly.cron("0 0 1 1 *").await.unwrap();
    // As if it had run: it is nowhere to be taken back from.
    let mut redis = rig.redis.clone();
    let _: i64 = redis
        .zrem(rig.key("delayed"), armed.job.id())
        .await
        .unwrap();
    let refused = yearly.cron("0 0 1 1 *").await.unwrap_err();
    assert!(
        matches!(&refused, Error::SchedulerBusy { id, .. } if id == "s"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_scheduler_is_read_and_removed() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let scheduler = queue.scheduler("a:b");
    assert_eq!(scheduler.info().await.unwrap(), None);
    let (start, end) = (hour(2), hour(50));
    let armed = scheduler
        .every(HOUR)
        .limit(5)
        .start_date(start)
        .end_date(end)
        .job("n", json!({"x": 1}))
        .attempts(2)
        .await
        .unwrap();
    let info: SchedulerInfo = scheduler.info().await.unwrap().unwrap();
    assert_eq!((&info.id[..], &info.name[..]), ("a:b", "n"));
    assert_eq!(info.next, Some(start));
    assert_eq!((info.every, &info.pattern), (Some(HOUR), &None));
    assert_eq!((info.offset, info.limit), (Some(Duration::ZERO), Some(5)));
    assert_eq!((info.start_date, info.end_date), (Some(start), Some(end)));
    assert_eq!((info.iterations, &info.time_zone), (Some(1), &None));
    assert_eq!(info.data_as::<Value>().unwrap(), json!({"x": 1}));
    assert_eq!(info.options.as_deref(), Some(r#"{"attempts":2}"#));
    assert!(!format!("{info:?}").contains("\"x\""));

    assert!(scheduler.remove().await.unwrap());
    assert!(!scheduler.remove().await.unwrap());
    assert_eq!(scheduler.info().await.unwrap(), None);
    assert!(rig.hash(armed.job.id()).await.is_empty());
    assert_eq!(rig.events(armed.job.id()).await, ["delayed", "removed"]);
}

#[tokio::test]
async fn schedulers_are_listed_in_pages() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let base = hour(0);
    for index in 0..5 {
        let scheduler = queue.scheduler(&format!("s{index}"));
        scheduler
            .every(HOUR)
            .start_date(base + (5 - index) * HOUR_MS)
            .await
            .unwrap();
    }
    // What has no hash is not shown, but stays: a 5.x app may know what it is.
    let mut redis = rig.redis.clone();
    let _: i64 = redis
        .zadd(rig.key("repeat"), "mail:::UTC:* * * * *", 1)
        .await
        .unwrap();
    let ids = |found: Vec<SchedulerInfo>| found.into_iter().map(|info| info.id).collect::<Vec<_>>();
    let found = queue.schedulers().await.unwrap();
    assert_eq!(found[0].next, Some(base + HOUR_MS));
    assert_eq!(ids(found), ["s4", "s3", "s2", "s1", "s0"]);
    let page = queue.schedulers().latest_first().skip(1).take(2);
    assert_eq!(ids(page.await.unwrap()), ["s1", "s2"]);
    assert_eq!(ids(queue.schedulers().take(0).await.unwrap()), [""; 0]);
    assert_eq!(queue.scheduler_count().await.unwrap(), 6);
}

#[tokio::test]
async fn the_times_to_come_can_be_seen_beforehand() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let scheduler = queue.scheduler("s");
    let start = ms("2040-03-24T12:00:00Z");
    let cron = scheduler
        .cron("30 2 * * *")
        .time_zone("Europe/Paris")
        .start_date(start);
    let days: Vec<i64> = [
        "2040-03-25T01:30:00Z", // the clocks show 03:30
        "2040-03-26T00:30:00Z",
        "2040-03-27T00:30:00Z",
    ]
    .map(ms)
    .into();
    assert_eq!(cron.preview(3).unwrap(), days);
    assert_eq!(cron.clone().limit(2).preview(9).unwrap(), days[..2]);
    let end = ms("2040-03-27T00:00:00Z");
    assert_eq!(cron.clone().end_date(end).preview(9).unwrap(), days[..2]);
    assert_eq!(scheduler.upcoming(3).await.unwrap(), [0; 0]);

    let every = scheduler.every(HOUR).start_date(start).limit(4).count(1);
    let hours = [0, 1, 2].map(|hours| start + hours * HOUR_MS);
    assert_eq!(every.preview(9).unwrap(), hours);
    every.await.unwrap();
    assert_eq!(scheduler.upcoming(9).await.unwrap(), hours);
}

#[tokio::test]
async fn a_worker_follows_the_schedule_to_its_limit() {
    let rig = Rig::start().await;
    let ran = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&ran);
    let note = move |job: Job<Value>| {
        let log = Arc::clone(&log);
        async move {
            log.lock().unwrap().push((job.id.clone(), job.data.clone()));
            JobResult::Ok(())
        }
    };
    let scheduler = rig.queue().scheduler("s");
    let tick = scheduler.every(Duration::from_millis(300)).limit(3);
    let foreseen = tick.clone().preview(9).unwrap();
    assert_eq!(foreseen.len(), 3);
    tick.job("tick", json!({"n": 1})).await.unwrap();
    let worker = rig.client.worker("q").handle("tick", note).build().unwrap();
    let running = worker.start().await.unwrap();
    eventually("three jobs", || async { ran.lock().unwrap().len() == 3 }).await;
    let last = ran.lock().unwrap()[2].0.clone();
    rig.wait_for_state(&last, "completed").await;
    running.control().stop();
    within("the worker to stop", running.finished()).await;

    let slots: Vec<i64> = ran
        .lock()
        .unwrap()
        .iter()
        .map(|(id, data)| {
            assert_eq!(data, &json!({"n": 1}));
            id.strip_prefix("repeat:s:").unwrap().parse().unwrap()
        })
        .collect();
    assert!(
        slots.windows(2).all(|pair| (pair[1] - pair[0]) % 300 == 0),
        "{slots:?}"
    );
    let info = scheduler.info().await.unwrap().unwrap();
    assert_eq!((info.iterations, info.next), (Some(3), Some(slots[2])));
    // It has ended, and nothing more is to come.
    assert_eq!(scheduler.upcoming(3).await.unwrap(), [0; 0]);
    let counts = rig.queue().counts().await.unwrap();
    assert_eq!((counts.completed, counts.delayed, counts.wait), (3, 0, 0));
}
