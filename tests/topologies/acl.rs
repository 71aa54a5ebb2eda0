//! Users with few rights, passwords that change, and rights that are taken away.

use std::time::Duration;

use bullrs::Client;
use serde_json::json;

use crate::{
    node::Node,
    support::within,
    work::{Work, add, eventually, wait_for_completed},
};

/// The rule of docs/connections.md.
fn documented_rule() -> String {
    let path = format!("{}/docs/connections.md", env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(path).unwrap();
    let line = page
        .lines()
        .find(|line| line.starts_with("ACL SETUSER worker "))
        .unwrap();
    line.replace(">PASSWORD", ">swordfish-canary")
}

async fn client(node: &Node) -> Client {
    let url = format!("redis://worker:swordfish-canary@{}", node.address());
    Client::connect(&url).await.unwrap()
}

#[tokio::test]
async fn a_worker_needs_no_more_rights_than_are_documented() {
    let node = Node::start("");
    node.run::<()>(&documented_rule());
    let client = client(&node).await;
    for number in 0..5 {
        add(&client, number).await;
    }
    let work = Work::start(&client, Duration::from_millis(700)).await;
    // What comes while it waits, and what is delayed, failed, retried, stalled or unblocked.
    wait_for_completed(&client, 5).await;
    let queue = client.queue("q");
    let numberless = queue
        .add("x", json!({}))
        .attempts(2)
        .delay(Duration::from_millis(50))
        .await
        .unwrap();
    eventually("the job without a number to fail", || async {
        numberless.state().await.unwrap() == "failed"
    })
    .await;
    let clients: String = node.run("CLIENT LIST");
    assert!(clients.contains("name=bull:cQ== "), "{clients}");
    work.running.control().stop();
    let report = within("the worker to stop", work.running.finished()).await;
    assert_eq!((report.completed, report.failed, report.retried), (5, 1, 1));
    let refused: redis::Value = node.run("ACL LOG");
    assert_eq!(refused, redis::Value::Array(vec![]), "a right was missing");
}

#[tokio::test]
async fn a_user_who_may_not_serve_a_queue_is_told_so_at_the_start() {
    let node = Node::start("");
    let rule = documented_rule();
    for (less, missing) in [
        ("-evalsha", "'evalsha' command"),
        ("-bzpopmin", "'bzpopmin' command"),
        (
            "resetkeys ~other:*",
            "can't access at least one of the keys",
        ),
    ] {
        node.run::<()>(&format!("{rule} {less}"));
        let client = client(&node).await;
        let worker = client
            .worker("q")
            .handle("x", async |_: bullrs::Job<serde_json::Value>| {
                bullrs::JobResult::Ok(())
            })
            .build()
            .unwrap();
        let error = worker.start().await.unwrap_err().to_string();
        assert!(
            error.starts_with("`redis-url` names a user who may not serve queue `q` (NOPERM ")
                && error.ends_with("docs/connections.md has the ACL of a worker"),
            "{less}: {error}"
        );
        // Redis has worded it differently over time.
        assert!(
            error.contains("keys") || error.contains(missing),
            "{less}: {error}"
        );
    }
}

#[tokio::test]
async fn a_password_that_changes_while_jobs_run_stops_nothing_for_good() {
    let node = Node::start("");
    let rule = documented_rule();
    node.run::<()>(&rule);
    let client = client(&node).await;
    let work = Work::start(&client, Duration::from_millis(300)).await;
    for number in 0..8 {
        add(&client, number).await;
    }
    eventually("jobs to run", || async {
        !work.running.control().jobs().is_empty()
    })
    .await;
    node.run::<()>("ACL SETUSER worker resetpass >other");
    node.run::<i64>("CLIENT KILL USER worker");
    eventually("the client to be refused", || async {
        client.ping().await.is_err_and(|error| {
            assert!(error.is_transient(), "{error}");
            assert!(!error.to_string().contains("canary"), "{error}");
            error
                .to_string()
                .contains("WRONGPASS redis refuses the user or the password")
        })
    })
    .await;
    eventually("the worker to be unready", || async {
        !work.running.control().is_ready()
    })
    .await;
    node.run::<()>(&rule);
    wait_for_completed(&client, 8).await;
    assert_eq!(work.counts(), (8, 1));
    work.running.control().stop();
    let report = within("the worker to stop", work.running.finished()).await;
    assert_eq!((report.completed, report.lost, report.abandoned), (8, 0, 0));
}

#[tokio::test]
async fn rights_that_are_taken_away_for_a_while_cost_no_outcome() {
    let node = Node::start("");
    let rule = documented_rule();
    node.run::<()>(&rule);
    let client = client(&node).await;
    let work = Work::start(&client, Duration::from_millis(300)).await;
    for number in 0..4 {
        add(&client, number).await;
    }
    eventually("jobs to run", || async {
        !work.running.control().jobs().is_empty()
    })
    .await;
    node.run::<()>("ACL SETUSER worker -evalsha");
    work.wait_for(4).await;
    eventually("a call to be refused", || async {
        client
            .queue("q")
            .add("x", json!({ "i": 0 }))
            .id("n0")
            .await
            .is_err_and(|error| {
                error.to_string().contains("NOPERM")
                    && error.is_transient()
                    && !error.is_ambiguous()
            })
    })
    .await;
    node.run::<()>(&rule);
    wait_for_completed(&client, 4).await;
    assert_eq!(work.counts(), (4, 1));
    work.running.control().stop();
    let report = within("the worker to stop", work.running.finished()).await;
    assert_eq!((report.completed, report.lost, report.abandoned), (4, 0, 0));
}

#[tokio::test]
async fn a_missing_password_and_one_too_many_are_both_understood() {
    let node = Node::start("");
    // Apps share their URL with clients that shrug this off.
    let url = format!("redis://:swordfish-canary@{}", node.address());
    Client::connect(&url).await.unwrap().ping().await.unwrap();
    node.run::<()>("CONFIG SET requirepass swordfish-canary");
    Client::connect(&url).await.unwrap().ping().await.unwrap();
    let error = Client::connect(&node.url()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "redis: NOAUTH redis requires authentication; write user and password into the URL, as in \
         `redis://user:password@host:port` (in connect)"
    );
}
