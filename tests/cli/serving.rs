//! Workers of the binary on a real Redis.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    time::{Duration, Instant},
};

use bullrs::store::{Keyring, NewJob, Status, Store, Timeline};
use serde_json::{Map, Value, json};

use super::{
    process::{Ended, Run},
    support::Rig,
};

/// A worker on the test's Redis, with JSON logs.
pub(crate) fn worker(command: &str, rig: &Rig) -> Run {
    Run::line(command).args(&["--redis-url", &rig.url, "--prefix", &rig.prefix])
}

async fn add(rig: &Rig, count: usize) {
    for i in 0..count {
        rig.queue().add("any", json!({"i": i})).await.unwrap();
    }
}

fn lines(log: &str) -> Vec<Map<String, Value>> {
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

#[tokio::test]
async fn bench_fails_each_attempt_as_told_and_sums_up() {
    let rig = Rig::start().await;
    for _ in 0..3 {
        let queue = rig.queue();
        queue.add("any", json!({})).attempts(3).await.unwrap();
    }
    let ended = worker(
        "bench worker --queues q:2 --mode fail:2 --burst --json",
        &rig,
    )
    .end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mut summary: Map<String, Value> = serde_json::from_str(&ended.stdout).unwrap();
    assert!(summary.remove("tookMs").unwrap().is_u64());
    let expected = json!({
        "completed": 3, "failed": 0, "retried": 6, "released": 0, "lost": 0, "abandoned": 0,
    });
    assert_eq!(Value::from(summary), expected);
    let failures: Vec<Value> = lines(&ended.stderr)
        .into_iter()
        .filter(|line| line["message"] == "attempt failed")
        .map(|line| json!([line["job_id"], line["attempt"], line["reason"]]))
        .collect();
    assert_eq!(failures.len(), 6);
    for (id, attempt) in [("1", 1), ("1", 2), ("3", 2)] {
        assert!(
            failures.contains(&json!([id, attempt, "bench failure"])),
            "{failures:?}"
        );
    }
    assert_eq!(rig.hash("1").await["returnvalue"], "null");
}

#[tokio::test]
async fn bench_echoes_and_prints_the_monotonic_clock() {
    let rig = Rig::start().await;
    add(&rig, 2).await;
    let ended = worker("bench worker --queues q --mode echo --burst", &rig).end();
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""));
    assert_eq!(rig.hash("2").await["returnvalue"], "{\"i\":1}");

    add(&rig, 3).await;
    let before = kernel_clock();
    let ended = worker("bench worker --queues q --mode mono --burst", &rig).end();
    let after = kernel_clock();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mut order = Vec::new();
    for line in ended.stdout.lines() {
        let [_, i, at] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let at = Duration::from_nanos(at.parse().unwrap());
        assert!(before <= at && at <= after, "{before:?} {at:?} {after:?}");
        order.push(format!("{} {i}", line.split(' ').next().unwrap()));
    }
    assert_eq!(order, ["S 0", "S 1", "S 2"]);
}

/// The clock that `mono` must agree with, as another process of the machine reads it.
fn kernel_clock() -> Duration {
    let script = "process.stdout.write(String(process.hrtime.bigint()))";
    let output = std::process::Command::new("node")
        .args(["-e", script])
        .output()
        .expect("node is there, as for all tests against stock bullmq");
    let text = String::from_utf8(output.stdout).unwrap();
    Duration::from_nanos(text.parse().unwrap())
}

#[tokio::test]
async fn when_nobody_reads_mono_any_more_jobs_go_back_to_the_queue() {
    let rig = Rig::start().await;
    add(&rig, 50).await;
    let run = worker("bench worker --queues q:2 --mode mono --drain 10m", &rig);
    let mut started = run.start();
    let mut reader = BufReader::new(started.child.stdout.take().unwrap());
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    assert!(first.starts_with("S "), "{first}");
    drop(reader);
    let (code, log) = started.end();
    assert_eq!(code, Some(0), "{log:?}");
    let counts = rig.queue().counts().await.unwrap();
    assert_eq!((counts.failed, counts.active), (0, 0), "{counts:?}");
    assert_eq!(counts.completed + counts.wait, 50, "{counts:?}");
}

#[tokio::test]
async fn a_sealed_job_is_run_and_its_row_and_timeline_follow() {
    let rig = Rig::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("jobs.db").display());
    let keys = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let sealed = Keyring::parse(keys)
        .unwrap()
        .encrypt("row-1", "{\"instructions\":\"the canary sings\"}");
    let store = Store::open(&url).await.unwrap();
    let row = NewJob {
        id: "row-1".into(),
        queue: "content".into(),
        name: "recap".into(),
        payload: Some(sealed.unwrap()),
        max_attempts: 1,
        at: 1,
    };
    assert!(store.insert(&row).await.unwrap());
    let queue = rig.client.queue("content");
    let good = queue
        .add("recap", json!({"contentJobId": "row-1"}))
        .await
        .unwrap();
    let unknown = queue
        .add("resize", json!({"secret": "canary"}))
        .await
        .unwrap();

    let Ended {
        code,
        stdout,
        stderr,
    } = worker("worker --queues content --burst --log-level trace", &rig)
        .env("DATABASE_URL", &url)
        .env("BULLRS_PAYLOAD_KEYS", keys)
        .env("OPENAI_API_KEY", "sk-canary-canary")
        .end();
    assert_eq!((code, stdout.as_str()), (Some(0), ""), "{stderr}");
    for secret in ["canary", "AAECAwQF"] {
        assert!(!stderr.contains(secret), "{stderr}");
    }
    let log = lines(&stderr);
    let ready = log
        .iter()
        .find(|line| line["message"] == "worker is ready")
        .unwrap();
    assert_eq!(ready["level"], "info");
    assert_eq!(ready["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(ready["queues"], "content:1");
    assert_eq!(ready["redis"], rig.url.as_str());
    assert_eq!(ready["store"], url.as_str());
    let completed = log
        .iter()
        .find(|line| line["message"] == "completed")
        .unwrap();
    assert_eq!(
        [
            &completed["queue"],
            &completed["job_id"],
            &completed["job_name"],
            &completed["attempt"]
        ],
        [
            &json!("content"),
            &json!(good.id()),
            &json!("recap"),
            &json!(1)
        ]
    );
    assert!(completed["duration_ms"].is_u64());

    assert_eq!(good.state().await.unwrap(), "completed");
    let row = store.job("row-1").await.unwrap().unwrap();
    assert_eq!(row.status, Status::Succeeded);
    let events = store.events(&Timeline::row("row-1"), 0, 10).await.unwrap();
    let events: Vec<&str> = events.iter().map(|event| event.event.as_str()).collect();
    assert_eq!(
        (events.first(), events.last()),
        (Some(&"active"), Some(&"completed"))
    );

    let failed: String = redis::AsyncCommands::hget(
        &mut rig.redis.clone(),
        format!("{}:content:{}", rig.prefix, unknown.id()),
        "failedReason",
    )
    .await
    .unwrap();
    assert_eq!(
        failed,
        "no processor for job `resize` of queue `content`; \
         looked for a built-in (`content` has `generate`, `recap`)"
    );
    store.close().await;
}

#[tokio::test]
async fn a_store_that_nobody_chose_and_that_cannot_be_made_is_done_without() {
    let rig = Rig::start().await;
    let job = rig
        .client
        .queue("mail")
        .add("any", json!({}))
        .await
        .unwrap();
    let run = worker("worker --queues mail --burst", &rig);
    // No file can be made in /proc, whoever runs the test.
    let ended = run.within("/proc").end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let log = lines(&ended.stderr);
    let warnings: Vec<&str> = log
        .iter()
        .filter(|line| line["level"] == "warn")
        .map(|line| line["message"].as_str().unwrap())
        .collect();
    assert_eq!(
        warnings,
        [
            "no job store: bullrs.db cannot be made here; DATABASE_URL names another place, \
             BULLRS_NO_STORE=true says that none is wanted",
            "no processor for any job of these queues; their jobs will fail \
             (`--explain` shows what is looked for)",
        ]
    );
    let ready = log
        .iter()
        .find(|line| line["message"] == "worker is ready")
        .unwrap();
    assert_eq!(ready["store"], "none");
    assert_eq!(job.state().await.unwrap(), "failed");
}

#[test]
fn an_unreachable_redis_is_exit_code_3_within_bounded_time() {
    Run::line("worker --queues a --no-store --redis-url redis://app:canary@127.0.0.1:1/2").expect(
        3,
        "",
        "error: cannot reach redis at `redis://***@127.0.0.1:1/2`\n\
         \x20 cause: connection refused\n\n\
         hint: is it running there? `docker compose up redis` starts one, \
         REDIS_URL or `--redis-url` names another\n",
    );
    // Someone listens and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://:canary@{}", silent.local_addr().unwrap());
    let began = Instant::now();
    let ended = Run::line("bench worker --queues a")
        .args(&["--redis-url", &url])
        .end();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
    assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
}
