//! A worker of the fault campaign: writes what its handlers do to a ledger outside Redis.
//!
//! It takes one argument, the JSON of [`Settings`], and serves until SIGTERM. Each line of the
//! ledger is appended in one write, so that a process killed in the middle leaves whole lines.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use bullrs::{BoxError, Client, Job, JobResult, State, signal};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

const PAUSE: Duration = Duration::from_millis(50);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    url: String,
    queue: String,
    name: String,
    concurrency: usize,
    /// Milliseconds, as the two below.
    lock: u64,
    stalled: u64,
    drain: u64,
    ledger: String,
    /// How far its clock runs ahead, or behind.
    #[serde(default)]
    skew: i64,
}

#[derive(Deserialize)]
struct Task {
    /// How long it takes, in ms.
    #[serde(default)]
    takes: u64,
    /// How many attempts fail.
    #[serde(default)]
    fails: u32,
}

#[derive(Clone)]
struct Ledger {
    file: Arc<File>,
    worker: Arc<str>,
}

#[derive(Serialize)]
struct Entry<'a> {
    what: &'a str,
    worker: &'a str,
    queue: &'a str,
    id: &'a str,
    attempt: u32,
}

impl Ledger {
    fn note(&self, what: &str, job: &Job<Task>) -> io::Result<()> {
        let entry = Entry {
            what,
            worker: &self.worker,
            queue: job.queue(),
            id: &job.id,
            attempt: job.attempt(),
        };
        let mut line = serde_json::to_string(&entry)?;
        line.push('\n');
        (&*self.file).write_all(line.as_bytes())
    }
}

/// The time that the work takes.
async fn pass(time: Duration) {
    tokio::time::sleep_until(tokio::time::Instant::now() + time).await;
}

async fn run(job: Job<Task>, State(ledger): State<Ledger>) -> JobResult<Value> {
    ledger.note("start", &job)?;
    tokio::select! {
        () = pass(Duration::from_millis(job.data.takes)) => {}
        why = job.cancelled() => {
            ledger.note("cancelled", &job)?;
            return Err(why.into());
        }
    }
    if job.attempt() <= job.data.fails {
        ledger.note("fail", &job)?;
        return Err("planned failure".into());
    }
    let children: Vec<(String, Value)> = job.children().await?;
    ledger.note("end", &job)?;
    Ok(json!({ "children": children.len() }))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let argument = std::env::args().nth(1).ok_or("the settings are missing")?;
    let settings: Settings = serde_json::from_str(&argument)?;
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&settings.ledger)?;
    bullrs::run_ahead(settings.skew);
    let ledger = Ledger {
        file: Arc::new(file),
        worker: settings.name.as_str().into(),
    };
    // A worker that finds no Redis ends with an error; here it is started again at once.
    while let Err(error) = serve(&settings, &ledger).await {
        if !error.is_transient() {
            return Err(error.into());
        }
        pass(PAUSE).await;
    }
    Ok(())
}

async fn serve(settings: &Settings, ledger: &Ledger) -> bullrs::Result<()> {
    let client = Client::connect(&settings.url).await?;
    let mut worker = client
        .worker(&settings.queue)
        .state(ledger.clone())
        .concurrency(settings.concurrency)
        .lock(Duration::from_millis(settings.lock))
        .stalled(Duration::from_millis(settings.stalled), 1_000)
        .drain(Duration::from_millis(settings.drain));
    for name in [
        "quick", "slow", "flaky", "doomed", "parent", "child", "tick",
    ] {
        worker = worker.handle(name, run);
    }
    worker.build()?.run_until(signal::terminate()).await?;
    Ok(())
}
