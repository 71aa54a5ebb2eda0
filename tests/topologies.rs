//! Connections of every kind, and everything that can happen to one.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

#[path = "topologies/acl.rs"]
mod acl;
#[path = "topologies/cluster.rs"]
mod cluster;
#[path = "topologies/cluster_rig.rs"]
mod cluster_rig;
#[path = "topologies/freezer.rs"]
mod freezer;
#[path = "topologies/node.rs"]
mod node;
#[path = "topologies/outages.rs"]
mod outages;
#[path = "topologies/refusals.rs"]
mod refusals;
#[path = "topologies/sentinel.rs"]
mod sentinel;
#[cfg(feature = "tls")]
#[path = "topologies/tls.rs"]
mod tls;
#[path = "topologies/unix.rs"]
mod unix;
#[path = "topologies/work.rs"]
mod work;
