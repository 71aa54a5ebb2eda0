//! A worker with typed handlers. It runs what `producer` adds, or any stock `bullmq`:
//!
//!     cargo run --example worker [redis://127.0.0.1:6379]
//!
//! Ctrl-C drains it: running jobs may end within 10 s, what does not is handed back to the queue.
#![expect(clippy::print_stdout, reason = "an example shows what happened")]

use std::time::Duration;

use bullrs::{Client, Failure, Job, JobResult, State, signal};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Resize {
    image: String,
    width: u32,
}

#[derive(Serialize)]
struct Resized {
    url: String,
}

#[derive(Clone)]
struct App {
    bucket: String,
}

async fn resize(job: Job<Resize>, State(app): State<App>) -> JobResult<Resized> {
    let Resize { image, width } = &job.data;
    if *width == 0 {
        return Err(Failure::unrecoverable("`width` must be positive").into());
    }
    let mut strips = tokio::time::interval(Duration::from_millis(100));
    for strip in 1..=10 {
        tokio::select! {
            _ = strips.tick() => job.progress(strip * 10).await?,
            why = job.cancelled() => return Err(why.into()),
        }
    }
    job.log(format!("{image} is {width} wide now")).await?;
    let url = format!("{}/{width}/{image}", app.bucket);
    Ok(Resized { url })
}

#[tokio::main]
async fn main() -> bullrs::Result<()> {
    let url = std::env::args().nth(1);
    let client = Client::connect(url.as_deref().unwrap_or("redis://127.0.0.1:6379")).await?;
    let bucket = "s3://pictures".into();
    let worker = client.worker("images").state(App { bucket }).concurrency(4);
    let worker = worker
        .drain(Duration::from_secs(10))
        .handle("resize", resize);
    let report = worker.build()?.run_until(signal::terminate()).await?;
    println!("{} completed, {} failed", report.completed, report.failed);
    Ok(())
}
