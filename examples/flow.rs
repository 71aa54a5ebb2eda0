//! Adds a flow, runs it, and reads it back: an album is published once its images are resized.
//!
//!     cargo run --example flow [redis://127.0.0.1:6379]
//!
//! A Node app sees the same flow through `FlowProducer`, and its workers may run parts of it.
#![expect(clippy::print_stdout, reason = "an example shows what happened")]

use std::time::Duration;

use bullrs::{Backoff, Client, Flow, Job, JobOptions, JobResult};
use serde_json::json;

async fn resize(job: Job<String>) -> JobResult<String> {
    Ok(format!("https://example.com/{}", job.data))
}

async fn publish(job: Job<serde_json::Value>) -> JobResult<Vec<String>> {
    let images = job.children::<String>().await?;
    Ok(images.into_iter().map(|(_, url)| url).collect())
}

#[tokio::main]
async fn main() -> bullrs::Result<()> {
    let url = std::env::args().nth(1);
    let client = Client::connect(url.as_deref().unwrap_or("redis://127.0.0.1:6379")).await?;

    let image = |name| Flow::new("images", "resize", name).fail_parent_on_failure();
    let album = Flow::new("albums", "publish", json!({"album": 7}))
        .children([image("first.png"), image("second.png")]);
    let retries = JobOptions::new()
        .attempts(3)
        .backoff(Backoff::exponential(Duration::from_secs(1)));
    let tree = client.flow(album).defaults("images", retries).await?;
    println!("{} is {}", tree.job.id(), tree.job.state().await?);

    let images = client.worker("images").handle("resize", resize).build()?;
    let albums = client.worker("albums").handle("publish", publish).build()?;
    let (images, albums) = (images.start().await?, albums.start().await?);
    let mut look = tokio::time::interval(Duration::from_millis(100));
    while !matches!(tree.job.state().await?.as_str(), "completed" | "failed") {
        look.tick().await;
    }
    images.control().stop();
    albums.control().stop();
    images.finished().await;
    albums.finished().await;

    if let Some(read) = client.flow_tree("albums", tree.job.id()).await? {
        println!("{:?} {:?}", read.field("returnvalue"), read.counts);
    }
    Ok(())
}
