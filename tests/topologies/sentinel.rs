//! Three sentinels, a master and a replica.

use std::{collections::BTreeMap, time::Duration};

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
                text += &format!(
                    "sentinel known-sentinel mymaster 127.0.0.1 {} {}\n",
                    ports[other], ids[other]
                );
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

    /// Waits until all sentinels know the new master and that the replica follows it: sooner no
    /// second failover could succeed.
    async fn wait_for_agreement(&self, master: usize, replica: usize) {
        eventually("the sentinels to agree", || async {
            let (master, replica) = (self.servers[master].port, self.servers[replica].port);
            self.sentinels.iter().all(|sentinel| {
                let named: Vec<String> = sentinel.run("SENTINEL GET-MASTER-ADDR-BY-NAME mymaster");
                let replicas: Vec<BTreeMap<String, String>> =
                    sentinel.run("SENTINEL REPLICAS mymaster");
                named[1] == master.to_string()
                    && replicas.iter().any(|known| {
                        known["port"] == replica.to_string()
                            && known["flags"] == "slave"
                            && known["master-link-status"] == "ok"
                            && known["master-port"] == master.to_string()
                    })
            })
        })
        .await;
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
async fn a_worker_follows_the_master_over_a_failover_and_loses_no_job() {
    let mut watched = Watched::start().await;
    let client = Client::connect(&watched.url()).await.unwrap();
    let work = Work::start(&client, Duration::from_millis(20)).await;
    for number in 0..20 {
        add(&client, number).await;
    }
    work.wait_for(10).await;
    // Planned: the old master lives, and for some seconds it takes everything for itself.
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
    for number in 20..30 {
        add(&client, number).await;
    }
    wait_for_completed(&client, 30).await;
    assert_eq!(watched.role(1), "master");
    watched.wait_for_agreement(1, 0).await;

    // Unplanned. One sentinel is away, too; the other two are enough to elect.
    watched.sentinels[0].kill();
    watched.servers[1].kill();
    for number in 30..50 {
        add(&client, number).await;
    }
    wait_for_completed(&client, 50).await;
    assert_eq!(watched.role(0), "master");
    assert_eq!(work.counts().0, 50);
    eventually("the worker to wait at the new master", || async {
        watched.has_worker(0)
    })
    .await;
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
