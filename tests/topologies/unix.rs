//! Unix sockets and database numbers.

use std::time::Duration;

use bullrs::Client;

use crate::{
    node::Node,
    support::within,
    work::{Work, add, wait_for_completed},
};

#[tokio::test]
async fn a_worker_serves_a_queue_over_a_unix_socket_in_a_database_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("redis.sock");
    let mut node = Node::start(&format!("--unixsocket {}", socket.display()));
    let url = format!("unix://{}?db=3", socket.display());
    let client = Client::connect(&url).await.unwrap();
    let work = Work::start(&client, Duration::from_millis(1)).await;
    for number in 0..10 {
        add(&client, number).await;
    }
    wait_for_completed(&client, 10).await;
    let keys: String = node.run("INFO keyspace");
    assert!(keys.contains("db3:") && !keys.contains("db0:"), "{keys}");

    // The socket's file is another one after a restart.
    node.kill();
    let gone = client.ping().await.unwrap_err();
    assert!(gone.is_transient(), "{gone}");
    node.restart();
    add(&client, 10).await;
    work.wait_for(11).await;
    work.running.control().stop();
    let report = within("the worker to stop", work.running.finished()).await;
    assert_eq!(
        (report.completed, report.lost, report.abandoned),
        (11, 0, 0)
    );
}

#[tokio::test]
async fn a_database_that_the_server_does_not_have_is_an_error_that_says_so() {
    let node = Node::start("--databases 2");
    let error = Client::connect(&format!("{}/7", node.url()))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("redis has no database 7 for us"),
        "{error}"
    );
    let database = Client::connect(&format!("{}/1", node.url())).await.unwrap();
    add(&database, 0).await;
    assert_eq!(node.run::<i64>("DBSIZE"), 0);
}
