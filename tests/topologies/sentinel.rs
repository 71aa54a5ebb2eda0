//! Three sentinels, a master and a replica.

use std::{fmt::Write as _, time::Duration};

use bullrs::Client;

use crate::{
    node::{Node, free_port},
    support::within,
    work::{Work, add, eventually, wait_for_completed},
};

struct Watched {
    /// The first is master at the start.
    servers: Vec<Node>,
    sentinels: Vec<Node>,
    _files: tempfile::TempDir,
}

impl Watched {
    async fn start() -> Self {
        let common = "--requirepass data --masterauth data --repl-diskless-sync-delay 0";
        let mut servers = vec![Node::start(common)];
        let port = servers[0].port;
        servers.push(Node::start(&format!(
            "{common} --replicaof 127.0.0.1 {port}"
        )));
        for server in &mut servers {
            server.login = ":data@";
        }
        eventually("the replica to follow", || async {
            servers[0]
                .run::<String>("INFO replication")
                .contains("state=online")
        })
        .await;
        let files = tempfile::tempdir().unwrap();
        let ids: Vec<String> = (1..=3).map(|id| format!("{id:040}")).collect();
        let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
        let mut sentinels = Vec::new();
        for (place, id) in ids.iter().enumerate() {
            // Everything that they would find out in time, so that no time is lost with it.
            let mut text = format!(
                "requirepass watch\nsentinel sentinel-pass watch\nsentinel myid {id}\n\
                 sentinel monitor mymaster 127.0.0.1 {port} 2\n\
                 sentinel auth-pass mymaster data\n\
                 sentinel down-after-milliseconds mymaster 600\n\
                 sentinel failover-timeout mymaster 2000\n\
                 sentinel known-replica mymaster 127.0.0.1 {}\n",
                servers[1].port
            );
            for other in (0..3).filter(|other| *other != place) {
                let (port, id) = (ports[other], &ids[other]);
                writeln!(
                    text,
                    "sentinel known-sentinel mymaster 127.0.0.1 {port} {id}"
                )
                .unwrap();
            }
            let file = files.path().join(format!("s{place}.conf"));
            std::fs::write(&file, text).unwrap();
            sentinels.push(format!("{} --sentinel", file.display()));
        }
        let mut sentinels = Node::start_on(&ports, &sentinels);
        for sentinel in &mut sentinels {
            sentinel.login = ":watch@";
        }
        Self {
            servers,
            sentinels,
            _files: files,
        }
    }

    fn url(&self) -> String {
        let hosts: Vec<String> = self.sentinels.iter().map(Node::address).collect();
        format!(
            "redis+sentinel://:data@{}/mymaster?sentinel_password=watch",
            hosts.join(",")
        )
    }

    fn has_worker(&self, server: usize) -> bool {
        self.servers[server]
            .try_run::<String>("CLIENT LIST")
            .is_ok_and(|clients| clients.contains("name=bull:cQ== "))
    }

    fn role(&self, server: usize) -> String {
        // Sentinels hang up on everyone when they change a role.
        let info = self.servers[server].try_run::<String>("INFO replication");
        let role = info
            .as_ref()
            .ok()
            .and_then(|info| info.lines().find_map(|line| line.strip_prefix("role:")));
        role.unwrap_or_default().to_owned()
    }
}

#[tokio::test]
async fn a_worker_goes_on_with_the_successor_of_a_dead_master() {
    let mut watched = Watched::start().await;
    let client = Client::connect(&watched.url()).await.unwrap();
    let work = Work::start(&client, Duration::from_millis(20)).await;
    for number in 0..20 {
        add(&client, number).await;
    }
    work.wait_for(10).await;
    // One sentinel is away, too; the other two are enough to elect.
    watched.sentinels[0].kill();
    watched.servers[0].kill();
    for number in 20..40 {
        add(&client, number).await;
    }
    wait_for_completed(&client, 40).await;
    assert_eq!(watched.role(1), "master");
    assert_eq!(work.counts().0, 40);
    eventually("the worker to wait at the new master", || async {
        watched.has_worker(1)
    })
    .await;
    work.running.control().stop();
    let report = within("the worker to stop", work.running.finished()).await;
    assert_eq!(report.abandoned, 0);
}

#[tokio::test]
async fn a_master_that_was_replaced_is_left_although_it_still_serves() {
    let watched = Watched::start().await;
    let client = Client::connect(&watched.url()).await.unwrap();
    let work = Work::start(&client, Duration::from_millis(20)).await;
    add(&client, 0).await;
    wait_for_completed(&client, 1).await;
    eventually("the replica to have it", || async {
        let score = watched.servers[1].try_run("ZSCORE bull:q:completed n0");
        score.is_ok_and(|score: Option<f64>| score.is_some())
    })
    .await;
    // The old master lives, and for some seconds it takes everything for itself.
    eventually("a failover by hand", || async {
        watched.sentinels[1]
            .try_run::<()>("SENTINEL FAILOVER mymaster")
            .is_ok()
    })
    .await;
    eventually("the worker to wait at the new master", || async {
        watched.has_worker(1)
    })
    .await;
    assert_eq!(watched.role(1), "master");
    // What was added to the old master in the second before this client left it, too, is lost.
    eventually("the client to leave", || async {
        add(&client, 1).await;
        let on_the_new_one = watched.servers[1].try_run("EXISTS bull:q:n1");
        on_the_new_one.is_ok_and(|exists: bool| exists)
    })
    .await;
    for number in 1..20 {
        add(&client, number).await;
    }
    wait_for_completed(&client, 20).await;
    work.running.control().stop();
    let report = within("the worker to stop", work.running.finished()).await;
    assert_eq!(report.abandoned, 0);
}

#[tokio::test]
async fn what_is_wrong_with_sentinels_is_said() {
    let watched = Watched::start().await;
    let hosts = watched.sentinels[0].address();
    for (url, why) in [
        (
            format!("redis+sentinel://:data@{hosts}/mymaster"),
            "the sentinel wants credentials of its own: `?sentinel_username=…&sentinel_password=…`",
        ),
        (
            format!("redis+sentinel://:data@{hosts}/other?sentinel_password=watch"),
            "it watches no master `other`",
        ),
        (
            format!("redis+sentinel://:hush@{hosts}/mymaster?sentinel_password=watch"),
            "WRONGPASS redis refuses the user or the password of the URL",
        ),
        (
            format!("redis+sentinel://:data@127.0.0.1:{}/mymaster", free_port()),
            "connection refused",
        ),
    ] {
        let error = Client::connect(&url).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(error.is_transient() && !error.is_ambiguous());
    }
}
