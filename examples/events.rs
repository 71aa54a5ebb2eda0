//! Follows what happens in a queue, waits for a result, and publishes an event of its own. Run the
//! example `worker` beside it:
//!
//!     cargo run --example events [redis://127.0.0.1:6379]
//!
//! `QueueEvents` of stock `bullmq` gets the same events.
#![expect(clippy::print_stdout, reason = "an example shows what happened")]

use std::time::Duration;

use bullrs::{
    Client,
    events::{Position, Received},
};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> bullrs::Result<()> {
    let url = std::env::args().nth(1);
    let client = Client::connect(url.as_deref().unwrap_or("redis://127.0.0.1:6379")).await?;
    let images = client.queue("images");
    // What happens from here on is in the stream, whenever it is read.
    let mut events = client.events("images").from(Position::Now).open().await?;

    let resize = json!({"image": "first.png", "width": 640});
    let job = images.add("resize", resize).await?;
    let result = job.result::<Value>().within(Duration::from_secs(30));
    match result.await {
        Ok(value) => println!("job {} returned {value}", job.id()),
        Err(error) => println!("{error}"),
    }
    images
        .publish_event("toast", json!({"jobId": job.id(), "seconds": 5}))
        .await?;

    while let Some(received) = events.next().await {
        match received? {
            Received::Event(entry) if entry.event.name() == "toast" => {
                let fields: Value = entry.event.fields()?;
                println!("{} toast {fields}", entry.id);
                // To go on here another time: `Position::After(events.position())`.
                break;
            }
            Received::Event(entry) => {
                let job = entry.event.job_id().unwrap_or("-");
                println!("{} {} of job {job}", entry.id, entry.event.name());
            }
            // Gaps, outages and their end, malformed entries: the stream goes on.
            other => println!("{other}"),
        }
    }
    Ok(())
}
