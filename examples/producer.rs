//! Adds jobs and waits until they have ended. Run the example `worker` beside it:
//!
//!     cargo run --example producer [redis://127.0.0.1:6379]
//!
//! The jobs are like those that stock `bullmq` adds; a Node worker runs them too.
#![expect(clippy::print_stdout, reason = "an example shows what happened")]

use std::time::Duration;

use bullrs::{Backoff, Client, Keep};
use serde::Serialize;

#[derive(Serialize)]
struct Resize {
    image: &'static str,
    width: u32,
}

#[tokio::main]
async fn main() -> bullrs::Result<()> {
    let url = std::env::args().nth(1);
    let client = Client::connect(url.as_deref().unwrap_or("redis://127.0.0.1:6379")).await?;
    let images = client.queue("images");
    let resize = |image, width| images.add("resize", Resize { image, width });

    let mut jobs = vec![
        resize("first.png", 640)
            .attempts(3)
            .backoff(Backoff::exponential(Duration::from_secs(1)).jitter(0.5))
            .keep_completed(Keep::last(1000))
            .await?,
        resize("later.png", 320)
            .delay(Duration::from_secs(2))
            .await?,
        // Fails for good: see what the worker says.
        resize("wrong.png", 0).attempts(3).await?,
    ];
    println!("added; now {:?}", images.counts().await?);

    let mut look = tokio::time::interval(Duration::from_millis(200));
    while !jobs.is_empty() {
        look.tick().await;
        let mut left = Vec::new();
        for job in jobs {
            match job.state().await?.as_str() {
                state @ ("completed" | "failed") => println!("{} has {state}", job.id()),
                _ => left.push(job),
            }
        }
        jobs = left;
    }
    Ok(())
}
