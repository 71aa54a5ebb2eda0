//! The events of a queue as a stream, events of one's own, and waiting for results.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use bullrs::{
    Client, Error, Job, JobResult, Keep,
    events::{Entry, EventStream, Position, Received},
    wire::{Event, EventId},
    worker::{Running, Worker},
};
use futures_util::{StreamExt, future::join_all};
use redis::AsyncCommands;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use support::{Rig, Server, eventually};

/// A future, or a builder that is one, with a deadline.
async fn within<T>(what: &str, future: impl IntoFuture<Output = T>) -> T {
    support::within(what, future.into_future()).await
}

/// The next thing that the stream gives.
async fn next(events: &mut EventStream) -> Received {
    let received = within("an event", events.next()).await;
    received.expect("the stream ended").unwrap()
}

async fn entry(events: &mut EventStream) -> Entry {
    match next(events).await {
        Received::Event(entry) => entry,
        other => panic!("{other}"),
    }
}

/// Names of events up to and including `last`.
async fn names_until(events: &mut EventStream, last: &str) -> Vec<String> {
    let mut names = Vec::new();
    while names.last().is_none_or(|name| name != last) {
        names.push(entry(events).await.event.name().to_owned());
    }
    names
}

async fn add_raw(rig: &Rig, fields: &[(&str, &str)]) -> EventId {
    let id: String = rig
        .redis
        .clone()
        .xadd(rig.key("events"), "*", fields)
        .await
        .unwrap();
    id.parse().unwrap()
}

/// The queue's listeners, as `CLIENT LIST` has them.
async fn listener_lines(rig: &Rig) -> Vec<String> {
    let list: String = redis::cmd("CLIENT")
        .arg("LIST")
        .query_async(&mut rig.redis.clone())
        .await
        .unwrap();
    // `q` in base64.
    let name = format!(" name={}:cQ==:qe ", rig.prefix);
    let lines = list.lines().filter(|line| line.contains(&name));
    lines.map(str::to_owned).collect()
}

async fn listeners(rig: &Rig) -> usize {
    listener_lines(rig).await.len()
}

/// Until a listener waits in Redis for what happens next.
async fn listening(rig: &Rig) {
    eventually("someone to listen", || async {
        let lines = listener_lines(rig).await;
        lines.iter().any(|line| line.contains(" flags=b "))
    })
    .await;
}

async fn echo(job: Job<Value>) -> JobResult<Value> {
    Ok(job.data)
}

async fn fail(_: Job<Value>) -> Result<(), std::io::Error> {
    Err(std::io::Error::other("boom"))
}

async fn start(worker: Worker) -> Running {
    worker.start().await.unwrap()
}

async fn worker(rig: &Rig) -> Running {
    start(
        rig.client
            .worker("q")
            .concurrency(20)
            .handle("echo", echo)
            .handle("fail", fail)
            .build()
            .unwrap(),
    )
    .await
}

async fn stop(worker: Running) {
    worker.control().stop();
    within("the worker to stop", worker.finished()).await;
}

#[tokio::test]
async fn a_stream_from_now_has_what_happens_once_it_is_open() {
    let rig = Rig::start().await;
    rig.queue().add("echo", json!(0)).await.unwrap();
    let mut events = rig.client.events("q").open().await.unwrap();
    let job = rig.queue().add("echo", json!(1)).await.unwrap();

    let added = entry(&mut events).await;
    let expected = Event::Added {
        job_id: job.id().to_owned(),
        name: "echo".into(),
    };
    assert_eq!(added.event, expected);
    assert_eq!(events.position(), added.id);
    let waiting = Event::Waiting {
        job_id: job.id().to_owned(),
        prev: None,
    };
    assert_eq!(entry(&mut events).await.event, waiting);
}

#[tokio::test]
async fn a_stream_from_the_start_has_a_jobs_whole_life() {
    let rig = Rig::start().await;
    rig.queue().add("echo", json!({"n": 1})).await.unwrap();
    let running = worker(&rig).await;
    let mut events = rig
        .client
        .events("q")
        .from(Position::Start)
        .open()
        .await
        .unwrap();
    let mut life = Vec::new();
    while life.last() != Some(&Event::Drained) {
        life.push(entry(&mut events).await.event);
    }
    stop(running).await;
    let names: Vec<&str> = life.iter().map(Event::name).collect();
    assert_eq!(
        names,
        ["added", "waiting", "active", "completed", "drained"]
    );
    let Event::Completed { returnvalue, .. } = &life[3] else {
        panic!("{life:?}");
    };
    assert_eq!(returnvalue.read::<Value>().unwrap(), json!({"n": 1}));
}

#[tokio::test]
async fn a_failing_job_tells_so_and_that_its_retries_are_exhausted() {
    let rig = Rig::start().await;
    let mut events = rig.client.events("q").open().await.unwrap();
    rig.queue()
        .add("fail", json!({}))
        .attempts(2)
        .await
        .unwrap();
    let running = worker(&rig).await;
    let names = names_until(&mut events, "drained").await;
    stop(running).await;
    let expected = [
        "added",
        "waiting",
        "active",
        "waiting",
        "active",
        "failed",
        "retries-exhausted",
        "drained",
    ];
    assert_eq!(names, expected);
}

#[tokio::test]
async fn reading_resumes_after_an_event() {
    let rig = Rig::start().await;
    let first = add_raw(&rig, &[("event", "paused")]).await;
    add_raw(&rig, &[("event", "resumed")]).await;
    add_raw(&rig, &[("event", "drained")]).await;
    let mut events = rig
        .client
        .events("q")
        .from(Position::After(first))
        .open()
        .await
        .unwrap();
    assert_eq!(events.position(), first);
    assert_eq!(
        names_until(&mut events, "drained").await,
        ["resumed", "drained"]
    );
}

#[tokio::test]
async fn nothing_is_missed_between_small_reads_while_others_write() {
    let rig = Rig::start().await;
    let events = rig.client.events("q").batch(3).open().await.unwrap();
    let writing = async {
        for n in 0..500 {
            add_raw(&rig, &[("event", "mine"), ("n", &n.to_string())]).await;
        }
    };
    // As a `Stream`, which is what others build on.
    let reading = events
        .map(|received| received.unwrap().into_entry().unwrap().event)
        .map(|event| event.fields::<Numbered>().unwrap().n)
        .take(500)
        .collect::<Vec<u32>>();
    let (numbers, ()) = within("500 events", async { tokio::join!(reading, writing) }).await;
    assert_eq!(numbers, (0..500).collect::<Vec<_>>());
}

#[derive(Deserialize)]
struct Numbered {
    n: u32,
}

#[tokio::test]
async fn a_dropped_wait_for_an_event_loses_none() {
    let rig = Rig::start().await;
    let mut events = rig.client.events("q").open().await.unwrap();
    let (mut written, mut read) = (Vec::new(), Vec::new());
    for patience in 0..60 {
        written.push(add_raw(&rig, &[("event", "mine")]).await);
        // Given up at every moment of its life, over the rounds.
        let patience = Duration::from_micros(patience * 30);
        if let Ok(received) = tokio::time::timeout(patience, events.next()).await {
            read.push(received.unwrap().unwrap().into_entry().unwrap().id);
        }
    }
    while read.len() < written.len() {
        read.push(entry(&mut events).await.id);
    }
    assert_eq!(read, written);
}

#[tokio::test]
async fn a_malformed_entry_names_its_field_and_the_stream_goes_on() {
    let rig = Rig::start().await;
    let mut events = rig.client.events("q").open().await.unwrap();
    let cases: [(&[(&str, &str)], &str); 5] = [
        (
            &[
                ("event", "completed"),
                ("jobId", "1"),
                ("returnvalue", "secret"),
            ],
            "the event's field `returnvalue` is missing or not JSON",
        ),
        (
            &[("event", "delayed"), ("jobId", "1"), ("delay", "soon")],
            "the event's field `delay` is not a number",
        ),
        (
            &[("event", "active"), ("prev", "waiting")],
            "the event's field `jobId` is missing",
        ),
        (&[("jobId", "1")], "the event's field `event` is missing"),
        (
            &[("event", "progress"), ("jobId", "1")],
            "the event's field `data` is missing or not JSON",
        ),
    ];
    for (fields, message) in cases {
        let id = add_raw(&rig, fields).await;
        match next(&mut events).await {
            Received::Malformed { entry, fault } => {
                assert_eq!((entry.id, fault.to_string()), (id, message.to_owned()));
            }
            other => panic!("{other}"),
        }
    }
    add_raw(&rig, &[("event", "of-the-future"), ("jobId", "1")]).await;
    let future = entry(&mut events).await.event;
    assert_eq!(
        (future.name(), future.job_id()),
        ("of-the-future", Some("1"))
    );
}

#[tokio::test]
async fn a_trimmed_gap_is_told() {
    let rig = Rig::start().await;
    let seen = add_raw(&rig, &[("event", "paused")]).await;
    let events = || rig.client.events("q").from(Position::After(seen)).batch(2);
    let mut whole = events().open().await.unwrap();
    for _ in 0..4 {
        add_raw(&rig, &[("event", "resumed")]).await;
    }
    assert_eq!(entry(&mut whole).await.event, Event::Resumed);

    let mut behind = events().open().await.unwrap();
    let () = redis::cmd("XTRIM")
        .arg(rig.key("events"))
        .arg("MAXLEN")
        .arg(3)
        .query_async(&mut rig.redis.clone())
        .await
        .unwrap();
    let Received::Gap { after, before } = next(&mut behind).await else {
        panic!("no gap");
    };
    assert_eq!(after, seen);
    assert_eq!(entry(&mut behind).await.id, before);
    assert_eq!(entry(&mut behind).await.event, Event::Resumed);
    assert_eq!(entry(&mut behind).await.event, Event::Resumed);
    // The one that had read on is not behind the gap.
    for _ in 0..3 {
        assert_eq!(entry(&mut whole).await.event, Event::Resumed);
    }
}

#[tokio::test]
async fn a_stream_survives_a_restart_and_misses_nothing() {
    let mut server = Server::start(true);
    let rig = Rig::on(&server.url()).await;
    let mut events = rig.client.events("q").open().await.unwrap();
    let first = add_raw(&rig, &[("event", "paused")]).await;
    assert_eq!(entry(&mut events).await.id, first);
    let second = add_raw(&rig, &[("event", "resumed")]).await;
    server.kill();
    // Whatever was read before the end, then that it ended.
    let mut ids = Vec::new();
    loop {
        match next(&mut events).await {
            Received::Event(entry) => ids.push(entry.id),
            Received::Interrupted(why) => break assert!(why.starts_with("redis: "), "{why}"),
            other => panic!("{other}"),
        }
    }
    server.restart();
    let after = Rig::on(&server.url()).await;
    let third: String = after
        .redis
        .clone()
        .xadd(rig.key("events"), "*", &[("event", "drained")])
        .await
        .unwrap();
    let Received::Resumed(position) = next(&mut events).await else {
        panic!("not resumed");
    };
    assert_eq!(position, ids.last().copied().unwrap_or(first));
    while ids.len() < 2 {
        ids.push(entry(&mut events).await.id);
    }
    assert_eq!(ids, [second, third.parse().unwrap()]);
}

#[tokio::test]
async fn dashboards_see_the_listener_until_it_is_dropped() {
    let rig = Rig::start().await;
    let mut events = rig.client.events("q").open().await.unwrap();
    assert_eq!(listeners(&rig).await, 1);
    // While it waits in Redis for as long as ten seconds.
    tokio::select! {
        received = events.next() => panic!("{received:?}"),
        () = listening(&rig) => {}
    }
    drop(events);
    let begun = std::time::Instant::now();
    eventually("the connection to be closed", || async {
        listeners(&rig).await == 0
    })
    .await;
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "only when the wait was over"
    );

    let mut stopped = rig.client.events("q").open().await.unwrap();
    stopped.stop();
    assert!(stopped.next().await.is_none());
    eventually("the connection to be closed", || async {
        listeners(&rig).await == 0
    })
    .await;
}

#[tokio::test]
async fn a_key_that_is_no_stream_ends_the_stream_with_an_error() {
    let rig = Rig::start().await;
    let mut events = rig.client.events("q").open().await.unwrap();
    let () = rig.redis.clone().set(rig.key("events"), "x").await.unwrap();
    let error = within("the error", events.next())
        .await
        .unwrap()
        .unwrap_err();
    assert!(!error.is_transient(), "{error}");
    assert!(events.next().await.is_none());
    let refused = rig.client.events("a:b").open().await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`queue` must not contain `:`, got `a:b`"
    );
}

#[derive(Debug, Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Toast {
    job_id: String,
    seconds: u32,
    urgent: bool,
    lines: Vec<String>,
    colour: Option<String>,
}

#[tokio::test]
async fn events_of_ones_own_are_published_and_read_typed() {
    let rig = Rig::start().await;
    let mut events = rig.client.events("q").open().await.unwrap();
    let toast = Toast {
        job_id: "7".into(),
        seconds: 5,
        urgent: true,
        lines: vec!["a".into(), "b".into()],
        colour: None,
    };
    let id = rig.queue().publish_event("toast", &toast).await.unwrap();
    let Entry { id: read, event } = entry(&mut events).await;
    assert_eq!(
        (read, event.name(), event.job_id()),
        (id, "toast", Some("7"))
    );
    assert_eq!(event.fields::<Toast>().unwrap(), toast);

    let stored: redis::streams::StreamRangeReply = rig
        .redis
        .clone()
        .xrange_all(rig.key("events"))
        .await
        .unwrap();
    let text = |field: &str| stored.ids[0].get::<String>(field);
    assert_eq!(text("seconds").as_deref(), Some("5"));
    assert_eq!(text("urgent").as_deref(), Some("true"));
    assert_eq!(text("lines").as_deref(), Some(r#"["a","b"]"#));
    assert_eq!(text("colour"), None);
    assert_eq!(rig.hash("meta").await["opts.maxLenEvents"], "10000");
}

#[tokio::test]
async fn events_that_listeners_would_stumble_over_are_refused() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let refused = |error: bullrs::Result<EventId>| error.unwrap_err().to_string();
    assert_eq!(
        refused(
            queue
                .publish_event("completed", json!({"jobId": "1"}))
                .await
        ),
        "`event` must not be one of BullMQ's own, got `completed`"
    );
    assert_eq!(
        refused(queue.publish_event("", json!({"event": 1})).await),
        "`event` must not be empty; `fields` must not have a field `event`: that is the event's name"
    );
    assert_eq!(
        refused(queue.publish_event("mine", json!([1])).await),
        "`fields` must be a value with named fields, such as a struct or a map"
    );
    let exists: bool = rig.redis.clone().exists(rig.key("events")).await.unwrap();
    assert!(!exists);
}

#[tokio::test]
async fn a_publisher_may_keep_fewer_events_than_the_queue() {
    let rig = Rig::start().await;
    for n in 0..500 {
        rig.queue()
            .publish_event("mine", json!({"n": n}))
            .keep(100)
            .await
            .unwrap();
    }
    let left: usize = rig.redis.clone().xlen(rig.key("events")).await.unwrap();
    assert!((100..300).contains(&left), "{left}");
}

#[tokio::test]
async fn a_result_is_given_whether_the_job_ends_before_or_after_the_call() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    let late = queue.add("echo", json!({"n": 1})).await.unwrap();
    let running = worker(&rig).await;
    let value: Value = within("the result", late.result()).await.unwrap();
    assert_eq!(value, json!({"n": 1}));
    // Again, now that it has ended.
    let value: Value = within("the result", late.result()).await.unwrap();
    assert_eq!(value, json!({"n": 1}));
    stop(running).await;

    let early = queue.add("echo", json!({"n": 2})).await.unwrap();
    let waiting = early.result::<Value>();
    let (value, ()) = tokio::join!(within("the result", waiting), async {
        listening(&rig).await;
        stop_after(&rig, early.id()).await;
    });
    assert_eq!(value.unwrap(), json!({"n": 2}));
}

async fn stop_after(rig: &Rig, id: &str) {
    let running = worker(rig).await;
    rig.wait_for_state(id, "completed").await;
    stop(running).await;
}

#[tokio::test]
async fn a_failure_has_its_reason() {
    let rig = Rig::start().await;
    let job = rig.queue().add("fail", json!({})).await.unwrap();
    let running = worker(&rig).await;
    let error = within("the failure", job.result::<Value>())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "job `1` of queue `q` failed: boom");
    // And afterwards.
    let again = job.result::<Value>().await.unwrap_err();
    assert!(matches!(again, Error::JobFailed { reason, .. } if reason == "boom"));
    stop(running).await;
}

#[derive(Debug, Deserialize)]
struct Narrow {
    #[expect(dead_code, reason = "never read")]
    n: u32,
}

#[tokio::test]
async fn a_result_of_another_type_names_the_field() {
    let rig = Rig::start().await;
    let job = rig
        .queue()
        .add("echo", json!({"n": "secret"}))
        .await
        .unwrap();
    let running = worker(&rig).await;
    let error = within("the result", job.result::<Narrow>())
        .await
        .unwrap_err();
    let told = "cannot read the return value of job `1`: at `n`: invalid type, expected u32 at line 1 column 13";
    assert_eq!(error.to_string(), told);
    stop(running).await;
}

#[tokio::test]
async fn a_job_that_is_not_there_or_goes_away_is_not_found() {
    let rig = Rig::start().await;
    let missing = rig.queue().job("missing").result::<Value>().await;
    assert!(matches!(missing, Err(Error::JobNotFound { id, .. }) if id == "missing"));

    let job = rig.queue().add("echo", json!(1)).await.unwrap();
    let (result, _) = tokio::join!(within("the end", job.result::<Value>()), async {
        listening(&rig).await;
        add_raw(
            &rig,
            &[("event", "removed"), ("jobId", job.id()), ("prev", "wait")],
        )
        .await
    });
    assert!(
        matches!(result, Err(Error::JobNotFound { .. })),
        "{result:?}"
    );

    // `clean` names no job in its event: one look at the job tells.
    let job = rig.queue().add("echo", json!(1)).await.unwrap();
    let (result, ()) = tokio::join!(within("the end", job.result::<Value>()), async {
        listening(&rig).await;
        let () = rig.redis.clone().del(rig.key(job.id())).await.unwrap();
        add_raw(&rig, &[("event", "cleaned"), ("count", "1")]).await;
    });
    assert!(
        matches!(result, Err(Error::JobNotFound { .. })),
        "{result:?}"
    );
}

#[tokio::test]
async fn a_wait_ends_when_its_time_is_over_and_the_job_goes_on() {
    let rig = Rig::start().await;
    let job = rig.queue().add("echo", json!(1)).await.unwrap();
    let error = job
        .result::<Value>()
        .within(Duration::from_millis(100))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "job `1` of queue `q` has not finished within 100ms"
    );
    assert_eq!(rig.state("1").await, "waiting");
}

#[tokio::test]
async fn a_job_that_is_removed_as_it_finishes_gives_its_result_all_the_same() {
    let rig = Rig::start().await;
    let running = worker(&rig).await;
    for n in 0..50 {
        let job = rig
            .queue()
            .add("echo", json!(n))
            .keep_completed(Keep::none())
            .await
            .unwrap();
        let value: u32 = within("the result", job.result()).await.unwrap();
        assert_eq!(value, n);
    }
    let job = rig
        .queue()
        .add("fail", json!(0))
        .keep_failed(Keep::none())
        .await
        .unwrap();
    let error = within("the failure", job.result::<Value>())
        .await
        .unwrap_err();
    assert!(matches!(error, Error::JobFailed { .. }), "{error}");
    stop(running).await;
}

#[tokio::test]
async fn thousands_wait_over_one_connection() {
    let rig = Rig::start().await;
    let mut jobs = Vec::new();
    for n in 0..300 {
        jobs.push(rig.queue().add("echo", json!(n)).await.unwrap());
    }
    let waiting = jobs
        .iter()
        .flat_map(|job| (0..10).map(move |_| async move { job.result::<usize>().await.unwrap() }));
    let (results, most) = tokio::join!(within("all results", join_all(waiting)), async {
        listening(&rig).await;
        let most = listeners(&rig).await;
        let running = worker(&rig).await;
        rig.wait_for_state(jobs[299].id(), "completed").await;
        stop(running).await;
        most.max(listeners(&rig).await)
    });
    let expected: Vec<usize> = (0..300).flat_map(|n| [n; 10]).collect();
    assert_eq!(results, expected);
    assert_eq!(most, 1);
}

#[tokio::test]
async fn those_who_wait_outlast_a_restart() {
    let mut server = Server::start(true);
    let rig = Rig::on(&server.url()).await;
    let job = rig.queue().add("echo", json!("late")).await.unwrap();
    let waiting = job.result::<String>();
    let (result, ()) = tokio::join!(within("the result", waiting), async {
        listening(&rig).await;
        server.kill();
        server.restart();
        let client = Client::connect(&server.url()).await.unwrap();
        let client = client.prefix(&rig.prefix);
        let running = start(client.worker("q").handle("echo", echo).build().unwrap()).await;
        let queue = client.queue("q");
        eventually("the job to complete", || async {
            queue.job("1").state().await.unwrap() == "completed"
        })
        .await;
        stop(running).await;
    });
    assert_eq!(result.unwrap(), "late");
}
