//! The official Rust client as a program with the same arguments as the other peers.
//!
//!     bench-peer-official worker --url URL --queues a,b --concurrency 10 --mode noop
//!     bench-peer-official add --url URL --queue a --jobs 1000 --mode bulk|inflight|sequential
//!
//! `worker` runs until SIGTERM. `add` prints how many seconds it took.

use std::{collections::HashMap, env, sync::Arc, time::{Duration, Instant}};

use bullmq::{
    BulkJob, Error, Job, Queue, QueueOptions, Worker, WorkerOptions,
    options::{RateLimiterOptions, RedisConnectionOptions},
    worker::{CancellationToken, ProcessorFn},
};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

fn main() {
    let mut arguments = env::args().skip(1);
    let verb = arguments.next().unwrap_or_default();
    let mut given = HashMap::new();
    while let (Some(flag), Some(value)) = (arguments.next(), arguments.next()) {
        given.insert(flag.trim_start_matches("--").to_owned(), value);
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(async {
            match verb.as_str() {
                "worker" => work(&given).await,
                "add" => add(&given).await,
                other => panic!("`{other}` is neither worker nor add"),
            }
        });
}

fn text<'a>(given: &'a HashMap<String, String>, name: &str, or: &'a str) -> &'a str {
    given.get(name).map_or(or, String::as_str)
}

fn number(given: &HashMap<String, String>, name: &str, or: &str) -> u64 {
    text(given, name, or).parse().expect("a number")
}

fn connection(given: &HashMap<String, String>) -> RedisConnectionOptions {
    RedisConnectionOptions::new().url(text(given, "url", "redis://127.0.0.1:6379"))
}

async fn work(given: &HashMap<String, String>) {
    let (mode, amount) = text(given, "mode", "noop").split_once(':').unwrap_or((text(given, "mode", "noop"), "0"));
    let mode: Arc<str> = mode.into();
    let amount: u64 = amount.parse().expect("a number");
    let process: ProcessorFn = Arc::new(move |job: Job, _: CancellationToken| {
        let mode = Arc::clone(&mode);
        Box::pin(async move {
            match &*mode {
                "echo" => return Ok(job.data().clone()),
                "sleep" => tokio::time::sleep(Duration::from_millis(amount)).await,
                "fail" if u64::from(job.attempts_made()) < amount => {
                    return Err(Error::ProcessingError("bench failure".into()));
                }
                "mono" => println!("S {} {}", job.data()["i"], monotonic()),
                _ => {}
            }
            Ok(Value::Null)
        })
    });
    let mut workers = Vec::new();
    for queue in text(given, "queues", "bench").split(',') {
        let options = WorkerOptions {
            connection: connection(given),
            concurrency: usize::try_from(number(given, "concurrency", "1")).expect("a size"),
            limiter: given.get("limiter").map(|limiter| {
                let (max, duration) = limiter.split_once('/').expect("MAX/MS");
                RateLimiterOptions::new(
                    max.parse().expect("a number"),
                    Duration::from_millis(duration.parse().expect("a number")),
                )
            }),
            ..WorkerOptions::default()
        };
        workers.push(Worker::with_options(queue, process.clone(), options).await.expect("a worker"));
    }
    signal(SignalKind::terminate()).expect("signals").recv().await;
}

/// `CLOCK_MONOTONIC` in ns, as the kernel shows it to every process.
fn monotonic() -> u128 {
    let shown = format!("{:?}", Instant::now());
    let digits = |name: &str| -> u128 {
        let rest = shown.split_once(name).expect("the clock").1.trim_start_matches([':', ' ']);
        rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or("0").parse().expect("a number")
    };
    digits("tv_sec") * 1_000_000_000 + digits("tv_nsec")
}

async fn add(given: &HashMap<String, String>) {
    let jobs = number(given, "jobs", "1000");
    let options = QueueOptions { connection: connection(given), ..QueueOptions::default() };
    let queue = Arc::new(Queue::with_options(text(given, "queue", "bench"), options).await.expect("a queue"));
    let data = |i: u64| json!({ "i": i, "payload": "x".repeat(24) });
    queue.add("warm", data(0)).await.expect("an added job");
    let started = Instant::now();
    match text(given, "mode", "bulk") {
        "bulk" => {
            for first in (0..jobs).step_by(1000) {
                let bulk = (first..jobs.min(first + 1000)).map(|i| BulkJob::new("job", data(i)));
                queue.add_bulk(bulk.collect()).await.expect("added jobs");
            }
        }
        "inflight" => {
            let mut tasks = Vec::new();
            for lane in 0..50 {
                let queue = Arc::clone(&queue);
                tasks.push(tokio::spawn(async move {
                    for i in (lane..jobs).step_by(50) {
                        queue.add("job", data(i)).await.expect("an added job");
                    }
                }));
            }
            for task in tasks {
                task.await.expect("a task");
            }
        }
        "sequential" => {
            for i in 0..jobs {
                queue.add("job", data(i)).await.expect("an added job");
            }
        }
        other => panic!("`{other}` is no way to add"),
    }
    println!("{}", started.elapsed().as_secs_f64());
}
