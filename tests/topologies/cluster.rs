//! Three masters and a replica: where calls go, and that they follow their keys.

use std::time::{Duration, Instant};

use bullrs::Client;
use serde_json::json;

use crate::{
    cluster_rig::Cluster,
    support::within,
    work::{Work, add, eventually, wait_for_completed},
};

const SHORT: Duration = Duration::from_millis(5);

async fn client(url: &str) -> Client {
    Client::connect(url).await.unwrap().prefix("{bull}")
}

#[tokio::test]
async fn a_worker_serves_a_queue_of_a_cluster() {
    let cluster = Cluster::start("{bull}").await;
    let client = client(&cluster.url()).await;
    assert!(client.ping().await.unwrap().cluster);
    for number in 0..20 {
        add(&client, number).await;
    }
    let work = Work::start(&client, SHORT).await;
    wait_for_completed(&client, 20).await;
    assert_eq!(work.counts(), (20, 1));

    // Dashboards ask every node for `{bull}:base64(q)` and believe the one that has most.
    assert_eq!(cluster.client_names(cluster.owner), ["{bull}:cQ=="]);
    for node in (0..4).filter(|node| *node != cluster.owner) {
        assert_eq!(cluster.client_names(node), [""; 0]);
    }

    // A waiting worker is woken for new work and for its end, not by the drain delay of 5 s.
    let began = Instant::now();
    add(&client, 20).await;
    work.wait_for(21).await;
    work.running.control().stop();
    let report = within("the worker to stop", work.running.finished()).await;
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    assert_eq!((report.completed, report.abandoned), (21, 0));

    a_plain_url_to_any_node_is_enough(&cluster).await;
    a_prefix_without_a_tag_is_refused(&cluster).await;
}

async fn a_plain_url_to_any_node_is_enough(cluster: &Cluster) {
    for node in &cluster.nodes {
        let client = client(&node.url()).await;
        add(&client, 0).await;
        assert_eq!(
            client.queue("q").job("n0").state().await.unwrap(),
            "completed"
        );
    }
    let error = Client::connect(&format!("{}/1", cluster.nodes[0].url()))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("a cluster has no databases; leave the `/1` of the URL out"),
        "{error}"
    );
}

async fn a_prefix_without_a_tag_is_refused(cluster: &Cluster) {
    let client = Client::connect(&cluster.url()).await.unwrap();
    let fix = "start bullrs with `--prefix '{bull}'`, and give `prefix: '{bull}'` to every Queue, \
               Worker, QueueEvents and FlowProducer of the app";
    let added = client.queue("q").add("x", json!({})).await.unwrap_err();
    assert!(added.to_string().ends_with(fix), "{added}");
    assert!(!added.is_transient());
    let worker = client
        .worker("q")
        .handle("x", async |_: bullrs::Job<serde_json::Value>| {
            bullrs::JobResult::Ok(())
        })
        .build()
        .unwrap();
    let started = worker.start().await.unwrap_err().to_string();
    assert_eq!(
        started,
        format!(
            "`prefix` needs a hash tag on a cluster (the keys of queue `q` lie in different \
             slots): {fix}"
        )
    );
    // A tag in the queue's name serves as well.
    client.queue("{q}").add("x", json!({})).await.unwrap();
}

#[tokio::test]
async fn a_queue_whose_slot_moves_in_the_middle_of_its_work_loses_nothing() {
    let cluster = Cluster::start("{bull}").await;
    let client = client(&cluster.url()).await;
    let work = Work::start(&client, SHORT).await;
    for number in 0..50 {
        add(&client, number).await;
    }
    work.wait_for(10).await;

    let (from, to) = (cluster.owner, (cluster.owner + 1) % 3);
    cluster.begin_migration(cluster.slot, from, to);
    // As long as the keys are in two places nothing can be done, and nothing is done halfway.
    let adding = tokio::spawn({
        let client = client.clone();
        async move {
            for number in 50..60 {
                add(&client, number).await;
            }
        }
    });
    let refused = eventually("a call to be put off", || async {
        client
            .queue("q")
            .add("x", json!({ "i": 0 }))
            .id("n0")
            .await
            .is_err_and(|error| {
                error.to_string().contains("TRYAGAIN")
                    && error.is_transient()
                    && !error.is_ambiguous()
            })
    });
    refused.await;
    cluster.finish_migration(cluster.slot, from, to);
    within("the adding", adding).await.unwrap();

    wait_for_completed(&client, 60).await;
    assert_eq!(work.counts(), (60, 1));
    // The wait follows, too, with its name.
    eventually("the worker to wait at the new owner", || async {
        cluster.client_names(to) == ["{bull}:cQ=="] && cluster.client_names(from).is_empty()
    })
    .await;
    work.running.control().stop();
    let report = within("the worker to stop", work.running.finished()).await;
    assert_eq!(
        (report.completed, report.lost, report.abandoned),
        (60, 0, 0)
    );
}

#[tokio::test]
async fn a_worker_goes_on_with_the_successor_of_a_master() {
    let mut cluster = Cluster::start("{bull}").await;
    let client = client(&cluster.url()).await;
    let work = Work::start(&client, SHORT).await;
    for number in 0..30 {
        add(&client, number).await;
    }
    work.wait_for(5).await;

    // Planned: the replica takes over at once, and nobody loses anything.
    cluster.nodes[3].run::<()>("CLUSTER FAILOVER");
    for number in 30..60 {
        add(&client, number).await;
    }
    wait_for_completed(&client, 60).await;
    assert_eq!(work.counts(), (60, 1));

    // Unplanned: the new master dies, and the old one, now its replica, is elected.
    let old = cluster.owner;
    cluster.wait_for_replica(3, old).await;
    cluster.nodes[3].kill();
    for number in 60..80 {
        add(&client, number).await;
    }
    wait_for_completed(&client, 80).await;
    eventually("the worker to wait at the new owner", || async {
        cluster.client_names(old) == ["{bull}:cQ=="]
    })
    .await;

    // Without a majority the cluster refuses everything, and says so.
    for node in (0..3).filter(|node| *node != old) {
        cluster.nodes[node].kill();
    }
    eventually("the cluster to be down", || async {
        client
            .queue("q")
            .add("x", json!({ "i": 0 }))
            .id("n0")
            .await
            .is_err_and(|error| {
                assert!(error.is_transient(), "{error}");
                error.to_string().contains("CLUSTERDOWN") && !error.is_ambiguous()
            })
    })
    .await;
    for node in (0..3).filter(|node| *node != old) {
        cluster.nodes[node].restart();
    }
    add(&client, 80).await;
    wait_for_completed(&client, 81).await;
    work.running.control().stop();
    let report = within("the worker to stop", work.running.finished()).await;
    assert_eq!((report.lost, report.abandoned), (0, 0));
}
