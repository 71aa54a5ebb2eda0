//! A cluster of three masters, and a replica of the one that has the queue.

use crate::{node::Node, support::eventually};

const SLOTS: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

pub(crate) struct Cluster {
    /// Three masters; then the replica of `nodes[owner]`.
    pub(crate) nodes: Vec<Node>,
    pub(crate) owner: usize,
    /// The slot of the queue.
    pub(crate) slot: u16,
}

impl Cluster {
    pub(crate) async fn start(prefix: &str) -> Self {
        let settings = "--cluster-enabled yes --cluster-node-timeout 1000 --cluster-port BUS \
                        --repl-diskless-sync-delay 0 --cluster-replica-validity-factor 0";
        let nodes = Node::start_all([settings; 4]);
        for (epoch, node) in nodes.iter().enumerate() {
            node.run::<()>(&format!("CLUSTER SET-CONFIG-EPOCH {}", epoch + 1));
        }
        for (node, (first, last)) in nodes.iter().zip(SLOTS) {
            node.run::<()>(&format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
        }
        for Node { port, bus, .. } in &nodes[1..] {
            nodes[0].run::<()>(&format!("CLUSTER MEET 127.0.0.1 {port} {bus}"));
        }
        let slot: u16 = nodes[0].run(&format!("CLUSTER KEYSLOT {prefix}"));
        let owner = SLOTS
            .iter()
            .position(|(first, last)| (*first..=*last).contains(&slot))
            .unwrap();
        let master: String = nodes[owner].run("CLUSTER MYID");
        eventually("the replica to follow", || async {
            nodes[3]
                .try_run::<()>(&format!("CLUSTER REPLICATE {master}"))
                .is_ok()
        })
        .await;
        eventually("the cluster to be one", || async {
            nodes.iter().all(|node| {
                let info: String = node.run("CLUSTER INFO");
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:4")
            })
        })
        .await;
        let cluster = Self { nodes, owner, slot };
        cluster.wait_for_replica(owner, 3).await;
        cluster
    }

    /// Waits until `replica` has all that `master` has.
    pub(crate) async fn wait_for_replica(&self, master: usize, replica: usize) {
        let port = self.nodes[replica].port;
        eventually("the replica to be up to date", || async {
            let info: String = self.nodes[master].run("INFO replication");
            info.contains(&format!("port={port},state=online"))
                && self.nodes[replica]
                    .run::<String>("INFO replication")
                    .contains("master_link_status:up")
        })
        .await;
    }

    pub(crate) fn url(&self) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(Node::address).collect();
        format!("redis+cluster://{}", hosts.join(","))
    }

    /// Names of the clients of a node.
    pub(crate) fn client_names(&self, node: usize) -> Vec<String> {
        self.nodes[node]
            .run::<String>("CLIENT LIST")
            .lines()
            .filter_map(|line| {
                line.split(' ')
                    .find_map(|field| field.strip_prefix("name="))
            })
            .filter(|name| !name.is_empty())
            .map(ToOwned::to_owned)
            .collect()
    }

    /// Begins to move a slot: from now on keys may be on either side.
    pub(crate) fn begin_migration(&self, slot: u16, from: usize, to: usize) {
        let source: String = self.nodes[from].run("CLUSTER MYID");
        let target: String = self.nodes[to].run("CLUSTER MYID");
        self.nodes[to].run::<()>(&format!("CLUSTER SETSLOT {slot} IMPORTING {source}"));
        self.nodes[from].run::<()>(&format!("CLUSTER SETSLOT {slot} MIGRATING {target}"));
    }

    /// Moves all keys of a slot, and then the slot.
    pub(crate) fn finish_migration(&self, slot: u16, from: usize, to: usize) {
        loop {
            let keys: Vec<String> =
                self.nodes[from].run(&format!("CLUSTER GETKEYSINSLOT {slot} 100"));
            if keys.is_empty() {
                break;
            }
            redis::cmd("MIGRATE")
                .arg("127.0.0.1")
                .arg(self.nodes[to].port)
                .arg("")
                .arg(0)
                .arg(5000)
                .arg("KEYS")
                .arg(keys)
                .exec(&mut self.nodes[from].connect())
                .unwrap();
        }
        let target: String = self.nodes[to].run("CLUSTER MYID");
        for node in [to, from, 0, 1, 2] {
            self.nodes[node].run::<()>(&format!("CLUSTER SETSLOT {slot} NODE {target}"));
        }
    }
}
