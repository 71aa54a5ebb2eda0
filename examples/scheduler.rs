//! Makes two job schedulers, shows when they will run, and runs their jobs for a while.
//!
//!     cargo run --example scheduler -- redis://127.0.0.1:6379
//!
//! Any worker keeps a scheduler going, in Node as well: this one ends after three ticks.

#![expect(clippy::print_stdout, reason = "an example shows what happened")]

use std::time::Duration;

use bullrs::{Client, Job, JobResult};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Recap {
    window: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1);
    let client = Client::connect(url.as_deref().unwrap_or("redis://127.0.0.1:6379")).await?;
    let queue = client.queue("schedules");

    // Every morning, also when the clocks change.
    let daily = queue.scheduler("daily-recap");
    let window = "24h".into();
    daily
        .cron("0 7 * * *")
        .time_zone("Europe/Paris")
        .job("recap", Recap { window })
        .attempts(3)
        .await?;
    println!("daily-recap runs at {:?}", daily.upcoming(3).await?);

    // Three times, a second apart. Making it again would begin anew.
    let tick = queue.scheduler("tick");
    tick.every(Duration::from_secs(1)).limit(3).await?;

    for scheduler in queue.schedulers().await? {
        println!("{} is due at {:?}", scheduler.id, scheduler.next);
    }

    let worker = client
        .worker("schedules")
        .handle("tick", ticked)
        .handle("recap", recapped)
        .build()?;
    let running = worker.start().await?;
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    while !tick.upcoming(1).await?.is_empty() {
        looks.tick().await;
    }
    running.control().stop();
    println!("{:?}", running.finished().await);

    tick.remove().await?;
    daily.remove().await?;
    Ok(())
}

async fn ticked(job: Job<serde_json::Value>) -> JobResult<()> {
    println!("ran {}", job.id);
    Ok(())
}

async fn recapped(job: Job<Recap>) -> JobResult<()> {
    println!("recap of {}", job.data.window);
    Ok(())
}
