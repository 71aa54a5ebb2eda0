//! Connections that break, hang, or cannot be made.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use bullrs::{Client, conn::ConnectionOptions};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    freezer::Freezer,
    node::Node,
    support::within,
    work::{Work, add, eventually, wait_for_completed},
};

#[tokio::test]
async fn a_killed_connection_is_replaced_without_anyone_noticing() {
    let node = Node::start("");
    let client = Client::connect(&node.url()).await.unwrap();
    let work = Work::start(&client, Duration::from_millis(5)).await;
    for number in 0..60 {
        if number % 10 == 0 {
            node.run::<i64>("CLIENT KILL TYPE normal");
        }
        add(&client, number).await;
    }
    wait_for_completed(&client, 60).await;
    assert_eq!(work.counts(), (60, 1));
    work.running.control().stop();
    let report = within("the worker to stop", work.running.finished()).await;
    assert_eq!(
        (report.completed, report.lost, report.abandoned),
        (60, 0, 0)
    );
}

#[tokio::test]
async fn a_call_whose_connection_is_cut_before_its_reply_is_ambiguous() {
    let node = Node::start("");
    let client = Client::connect(&node.url()).await.unwrap();
    node.run::<()>("CLIENT PAUSE 60000 WRITE");
    let adding = tokio::spawn({
        let client = client.clone();
        async move { client.queue("q").add("x", json!({})).await.map(drop) }
    });
    eventually("the call to have arrived", || async {
        node.run::<String>("CLIENT LIST").contains("cmd=evalsha")
    })
    .await;
    node.run::<i64>("CLIENT KILL TYPE normal");
    let error = within("the call", adding).await.unwrap().unwrap_err();
    assert!(error.is_transient() && error.is_ambiguous(), "{error}");
    node.run::<()>("CLIENT UNPAUSE");
    add(&client, 1).await;
}

#[tokio::test]
async fn a_peer_that_falls_silent_is_given_up_after_the_reply_timeout() {
    let node = Node::start("");
    let freezer = Freezer::start(node.port).await;
    let options = ConnectionOptions::parse(&format!("redis://{}", freezer.address)).unwrap();
    let options = options.reply_timeout(Duration::from_millis(500));
    let client = Client::with_options(options).await.unwrap();
    let work = Work::start(&client, Duration::from_millis(5)).await;
    add(&client, 0).await;
    wait_for_completed(&client, 1).await;

    freezer.freeze(true);
    let error = within("the call", async {
        client.queue("q").add("x", json!({ "i": 1 })).id("n1").await
    })
    .await
    .unwrap_err();
    assert!(error.is_transient() && error.is_ambiguous(), "{error}");
    assert!(error.to_string().contains("no answer in time"), "{error}");
    freezer.freeze(false);

    for number in 1..10 {
        add(&client, number).await;
    }
    wait_for_completed(&client, 10).await;
    assert_eq!(work.counts(), (10, 1));
    work.running.control().stop();
    let report = within("the worker to stop", work.running.finished()).await;
    assert_eq!((report.lost, report.abandoned), (0, 0));
}

/// A server that hangs up on everyone, and counts them.
async fn counting_hang_up() -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let dialled = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&dialled);
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (url, dialled)
}

#[tokio::test]
async fn many_impatient_callers_share_few_diallings() {
    let mut node = Node::start("");
    let client = Client::connect(&node.url()).await.unwrap();
    node.kill();
    let began = Instant::now();
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut failures = 0_u32;
                while began.elapsed() < Duration::from_secs(2) {
                    let error = client.ping().await.unwrap_err();
                    assert!(error.is_transient(), "{error}");
                    failures += 1;
                }
                failures
            })
        })
        .collect();
    let mut failures = 0;
    for caller in callers {
        failures += caller.await.unwrap();
    }
    // Waits of 50, 100, 200, 400, 800 ms at the least half: no caller can have had more than ten
    // outcomes in two seconds, however often it asks.
    assert!(failures <= 50 * 12, "{failures}");

    node.restart();
    let began = Instant::now();
    eventually("the server to be found again", || async {
        client.ping().await.is_ok()
    })
    .await;
    // The longest wait is a second.
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn a_server_that_hangs_up_is_not_dialled_in_a_busy_loop() {
    let (url, dialled) = counting_hang_up().await;
    let error = Client::connect(&url).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("hung up before a word was said; if it wants TLS, write `rediss://`"),
        "{error}"
    );
    assert_eq!(dialled.load(Ordering::SeqCst), 1);
}
