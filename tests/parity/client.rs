//! Connecting, and what a producer says of its queue and its jobs.

use bullrs::{Client, NewJob, conn::ConnectionOptions};
use serde_json::json;

use crate::{
    Work,
    support::{Rig, eventually, within},
};

fn port(rig: &Rig) -> u16 {
    rig.url.rsplit(':').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_server_is_named_part_by_part() {
    let rig = Rig::start().await;
    let port = port(&rig);
    let mut redis = rig.redis.clone();
    let _: () = redis::cmd("ACL")
        .arg(&["SETUSER", "app@x", "on", ">p@ss:w/rd%", "~*", "&*", "+@all"])
        .query_async(&mut redis)
        .await
        .unwrap();
    let options = |password: &str| {
        let options = ConnectionOptions::tcp("127.0.0.1", port).username("app@x");
        options.password(password).database(3)
    };
    assert!(Client::with_options(options("guess")).await.is_err());
    let options = options("p@ss:w/rd%");
    let client = Client::with_options(options).await.unwrap();
    let job = client
        .queue("q")
        .add("typed", json!({"ok": true}))
        .await
        .unwrap();
    let found = job.snapshot().await.unwrap().unwrap();
    assert_eq!(found.name(), Some("typed"));
    let url = format!("redis://app%40x:p%40ss%3Aw%2Frd%25@127.0.0.1:{port}");
    let elsewhere = Client::connect(&url).await.unwrap();
    assert!(!elsewhere.queue("q").job(job.id()).exists().await.unwrap());
}

#[tokio::test]
async fn a_queue_says_who_made_it_and_how_many_events_it_keeps() {
    let rig = Rig::start().await;
    let queue = rig.queue();
    assert_eq!(queue.version().await.unwrap(), None);
    queue.record_version().await.unwrap();
    let version = queue.version().await.unwrap().unwrap();
    assert_eq!(version, format!("bullrs:{}", env!("CARGO_PKG_VERSION")));
    queue.set_max_events(20).await.unwrap();
    assert_eq!(queue.meta().await.unwrap().max_events().unwrap(), Some(20));
    assert!(queue.set_max_events(0).await.is_err());
    // The stream is cut to about so many: Redis cuts whole nodes of a hundred entries.
    queue
        .add_all((0..400).map(|_| NewJob::new("x", ())))
        .await
        .unwrap();
    let kept: u64 = redis::AsyncCommands::xlen(&mut rig.redis.clone(), rig.key("events"))
        .await
        .unwrap();
    assert!(kept <= 20 + 100, "{kept}");
}

#[tokio::test]
async fn a_job_that_was_added_is_a_parent_as_it_is() {
    let rig = Rig::start().await;
    let parent = rig.queue().add("parent", ()).await.unwrap();
    let child = rig.queue().add("child", ()).parent(&parent).await.unwrap();
    let found = child.snapshot().await.unwrap().unwrap();
    assert_eq!(found.parent_key(), Some(rig.key(parent.id()).as_str()));
    assert_eq!(parent.children_counts().await.unwrap().unprocessed, 1);
}

#[tokio::test]
async fn progress_keeps_its_form() {
    let rig = Rig::start().await;
    let job = rig.queue().add("x", ()).await.unwrap();
    for progress in [
        json!(42.0),
        json!("half"),
        json!(true),
        json!({"pct": 10}),
        json!(7),
    ] {
        job.update_progress(&progress).await.unwrap();
        let stored = rig.hash(job.id()).await["progress"].clone();
        assert_eq!(stored, progress.to_string());
    }
    let events: redis::streams::StreamRangeReply =
        redis::AsyncCommands::xrange_all(&mut rig.redis.clone(), rig.key("events"))
            .await
            .unwrap();
    let told: Vec<String> = events
        .ids
        .iter()
        .filter_map(|one| one.get("data"))
        .collect();
    assert_eq!(told, ["42.0", "\"half\"", "true", "{\"pct\":10}", "7"]);
}

#[tokio::test]
async fn connections_that_the_server_closes_are_dialled_anew() {
    let server = crate::support::Server::start(false);
    let rig = Rig::on(&server.url()).await;
    let queue = rig.queue();
    let mut events = rig.client.events("q").open().await.unwrap();
    let worker = Work::idle(&rig, "q").await;
    let mut fetcher = rig.client.fetcher("other").open().await.unwrap();
    for round in 0..3 {
        let mut redis = redis::Client::open(server.url())
            .unwrap()
            .get_multiplexed_async_connection()
            .await
            .unwrap();
        let killed: u64 = redis::cmd("CLIENT")
            .arg(&["KILL", "TYPE", "normal"])
            .query_async(&mut redis)
            .await
            .unwrap();
        assert!(killed > 0);
        let job = queue.add("x", round).await.unwrap();
        eventually("the job to complete", || async {
            job.is_completed().await.unwrap()
        })
        .await;
        let other = rig.client.queue("other").add("y", round).await.unwrap();
        let mut held = within("the job", fetcher.next()).await.unwrap();
        held.move_to_completed(&()).await.unwrap();
        assert_eq!(held.id(), other.id());
        loop {
            let entry = within("an event", events.next_event())
                .await
                .unwrap()
                .unwrap();
            if entry.event.name() == "completed" && entry.event.job_id() == Some(job.id()) {
                break;
            }
        }
    }
    worker.stop().await;
}
