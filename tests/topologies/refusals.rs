//! Everything that a server may answer instead of doing what it is asked, each caused for real.

use bullrs::{Client, Error};
use serde_json::json;

use crate::{
    node::{Node, free_port},
    support::within,
    work::eventually,
};

async fn client(node: &Node) -> Client {
    Client::connect(&node.url()).await.unwrap()
}

async fn add(client: &Client) -> Result<(), Error> {
    client.queue("q").add("x", json!({})).await.map(drop)
}

/// Waits until adding fails with this code, then for the cure to have effect.
async fn refused_then_served(node: &Node, client: &Client, code: &str, cure: &str) {
    eventually(code, || async {
        let Err(error) = add(client).await else {
            return false;
        };
        assert!(error.is_transient(), "{error}");
        assert!(!error.is_ambiguous(), "{error}");
        error.to_string().contains(code)
    })
    .await;
    node.run::<redis::Value>(cure);
    eventually("the server to serve again", || async {
        add(client).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn what_a_server_refuses_for_now_is_transient_and_was_not_carried_out() {
    let node = Node::start("");
    let client = client(&node).await;
    let nowhere = format!("REPLICAOF 127.0.0.1 {}", free_port());
    for (cause, code, cure) in [
        ("CONFIG SET maxmemory 1", "OOM", "CONFIG SET maxmemory 0"),
        (
            "CONFIG SET min-replicas-to-write 1",
            "NOREPLICAS",
            "CONFIG SET min-replicas-to-write 0",
        ),
        (nowhere.as_str(), "READONLY", "REPLICAOF NO ONE"),
        ("SCRIPT FLUSH", "", "PING"),
    ] {
        node.run::<redis::Value>(cause);
        if code.is_empty() {
            add(&client).await.unwrap();
            continue;
        }
        refused_then_served(&node, &client, code, cure).await;
    }
    node.run::<()>("CONFIG SET replica-serve-stale-data no");
    node.run::<()>(&nowhere);
    refused_then_served(&node, &client, "MASTERDOWN", "REPLICAOF NO ONE").await;
}

#[tokio::test]
async fn a_server_that_is_busy_with_a_script_is_waited_for() {
    let node = Node::start("--busy-reply-threshold 20");
    let client = client(&node).await;
    add(&client).await.unwrap();
    let mut other = node.connect();
    let busy = std::thread::spawn(move || {
        redis::cmd("EVAL")
            .arg("while true do end")
            .arg(0)
            .query::<()>(&mut other)
    });
    refused_then_served(&node, &client, "BUSY", "SCRIPT KILL").await;
    assert!(busy.join().unwrap().is_err());
}

#[tokio::test]
async fn a_server_that_still_loads_is_waited_for() {
    let node =
        Node::start("--enable-debug-command yes --loading-process-events-interval-bytes 1024");
    let client = client(&node).await;
    node.run::<()>("DEBUG POPULATE 3000");
    node.run::<()>("CONFIG SET key-load-delay 500");
    let mut other = node.connect();
    let reload = std::thread::spawn(move || redis::cmd("DEBUG").arg("RELOAD").exec(&mut other));
    eventually("LOADING", || async {
        add(&client).await.is_err_and(|error| {
            assert!(error.is_transient() && !error.is_ambiguous(), "{error}");
            error.to_string().contains("LOADING")
        })
    })
    .await;
    eventually("the server to have loaded", || async {
        add(&client).await.is_ok()
    })
    .await;
    reload.join().unwrap().unwrap();
}

#[tokio::test]
async fn a_server_that_pauses_or_sleeps_is_waited_for_in_silence() {
    let node = Node::start("--enable-debug-command yes");
    let client = client(&node).await;
    node.run::<()>("CLIENT PAUSE 300 ALL");
    within("the paused add", add(&client)).await.unwrap();
    let mut other = node.connect();
    let sleeping =
        std::thread::spawn(move || redis::cmd("DEBUG").arg("SLEEP").arg("0.3").exec(&mut other));
    within("the add beside the sleep", add(&client))
        .await
        .unwrap();
    sleeping.join().unwrap().unwrap();
}

#[tokio::test]
async fn a_server_that_is_full_says_so_and_is_dialled_again() {
    let node = Node::start("");
    let mut own = node.connect();
    let set = |own: &mut redis::Connection, most: u32| {
        redis::cmd("CONFIG")
            .arg("SET")
            .arg("maxclients")
            .arg(most)
            .exec(own)
            .unwrap();
    };
    set(&mut own, 1);
    // Redis says so and hangs up at once: what we have sent by then can cost us its words.
    eventually("the reason to be heard", || async {
        let error = Client::connect(&node.url()).await.unwrap_err();
        assert!(error.is_transient() && !error.is_ambiguous(), "{error}");
        error
            .to_string()
            .contains("max number of clients reached; raise redis' `maxclients`")
    })
    .await;
    set(&mut own, 100);
    let client = client(&node).await;
    add(&client).await.unwrap();

    // While it runs: the connection is killed and no other is let in.
    set(&mut own, 1);
    redis::cmd("CLIENT")
        .arg(&["KILL", "TYPE", "normal"])
        .exec(&mut own)
        .unwrap();
    eventually("the add to be refused", || async {
        add(&client).await.is_err_and(|error| {
            assert!(error.is_transient(), "{error}");
            error.to_string().contains("max number of clients") && !error.is_ambiguous()
        })
    })
    .await;
    set(&mut own, 100);
    eventually("the client to be let in", || async {
        add(&client).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn a_job_whose_script_runs_into_a_bug_is_no_outage() {
    let node = Node::start("");
    let client = client(&node).await;
    node.run::<()>("SET bull:q:meta text");
    let error = add(&client).await.unwrap_err();
    assert!(!error.is_transient() && !error.is_ambiguous(), "{error}");
    node.run::<i64>("DEL bull:q:meta");
    add(&client).await.unwrap();
    assert_eq!(client.queue("q").counts().await.unwrap().wait, 1, "{error}");
}
