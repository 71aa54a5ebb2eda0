//! Reading flows.

use std::{
    collections::BTreeMap,
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
};

use super::MOST_LEVELS;
use crate::{
    Error, Result,
    conn::Conn,
    job::JobHandle,
    queue::Queue,
    script::call,
    wire::{JobRecord, QueueKeys},
};

/// How many jobs are read at most, so that no tree fills the memory.
const MOST_JOBS: usize = 50_000;
/// How many jobs are asked for in one round trip.
const AT_ONCE: usize = 250;

/// How a child stands with its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChildState {
    /// Completed; the parent has its return value.
    Processed,
    /// Pending.
    Unprocessed,
    /// Failed, and the parent fails with it (`failParentOnFailure`).
    Failed,
    /// Failed, and the parent goes on (`ignoreDependencyOnFailure`, `continueParentOnFailure`).
    Ignored,
}

/// How many children a job has, by how they stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChildCounts {
    /// Completed.
    pub processed: u64,
    /// Pending.
    pub unprocessed: u64,
    /// Failed, and the parent with them.
    pub failed: u64,
    /// Failed, and the parent goes on.
    pub ignored: u64,
}

/// A job of a flow that was read.
#[derive(Clone)]
#[non_exhaustive]
pub struct FlowNode {
    /// The job.
    pub job: JobHandle,
    /// The name of its queue.
    pub queue: String,
    /// The prefix of its queue.
    pub prefix: String,
    /// What its hash says.
    pub record: JobRecord,
    /// How it stands with the job above; none for the root.
    pub state: Option<ChildState>,
    /// How many children it has. There may be fewer in [`children`](Self::children): those that
    /// were removed, and what the bounds of the reading left out.
    pub counts: ChildCounts,
    /// The children that were read: processed, unprocessed, failed and then ignored ones.
    pub children: Vec<Self>,
    hash: BTreeMap<String, String>,
}

impl FlowNode {
    /// A field of the job's hash as it stands, such as `returnvalue` (WIRE §2).
    pub fn field(&self, name: &str) -> Option<&str> {
        self.hash.get(name).map(String::as_str)
    }
}

/// Without what the job's hash says, which has its data.
impl fmt::Debug for FlowNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlowNode")
            .field("queue", &self.queue)
            .field("id", &self.job.id())
            .field("state", &self.state)
            .field("counts", &self.counts)
            .field("children", &self.children.len())
            .finish_non_exhaustive()
    }
}

/// A flow that is about to be read.
#[derive(Debug, Clone)]
#[must_use = "a flow is read only when the builder is awaited"]
pub struct FindFlow {
    conn: Conn,
    prefix: String,
    queue: String,
    id: String,
    depth: usize,
    max_children: u32,
}

/// A job that is to be read.
struct Wanted {
    keys: QueueKeys,
    id: String,
    above: Option<(usize, ChildState)>,
}

impl FindFlow {
    pub(crate) fn new(conn: Conn, prefix: &str, queue: &str, id: &str) -> Self {
        Self {
            conn,
            prefix: prefix.to_owned(),
            queue: queue.to_owned(),
            id: id.to_owned(),
            depth: 10,
            max_children: 20,
        }
    }

    /// How many levels to read, the root among them: 10 by default, 1 to 1000.
    pub fn depth(mut self, levels: usize) -> Self {
        self.depth = levels.clamp(1, MOST_LEVELS);
        self
    }

    /// How many children of each kind to read of each job: 20 by default, 1 or more. Never more
    /// than 50,000 jobs are read in all.
    pub fn max_children(mut self, most: u32) -> Self {
        self.max_children = most.max(1);
        self
    }

    /// The prefix of the root's queue; that of the client by default.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    async fn read(self) -> Result<Option<FlowNode>> {
        let keys = QueueKeys::new(&self.prefix, &self.queue)
            .map_err(|error| Error::Options(vec![error.to_string()]))?;
        let mut found: Vec<(FlowNode, Option<usize>)> = Vec::new();
        let mut level = vec![Wanted {
            keys,
            id: self.id.clone(),
            above: None,
        }];
        for depth in 1..=self.depth {
            let mut below = Vec::new();
            while !level.is_empty() {
                let rest = level.split_off(level.len().min(AT_ONCE));
                let asked: Vec<(QueueKeys, String)> = level
                    .iter()
                    .map(|job| (job.keys.clone(), job.id.clone()))
                    .collect();
                let relatives = call::relatives(&self.conn, &asked, self.max_children).await?;
                for (wanted, relatives) in level.into_iter().zip(relatives) {
                    if relatives.hash.is_empty() {
                        continue;
                    }
                    if depth < self.depth {
                        self.want_children(&mut below, &wanted, &relatives, found.len());
                    }
                    let above = wanted.above.map(|(parent, _)| parent);
                    found.push((self.node(&wanted, relatives), above));
                }
                level = rest;
            }
            below.truncate(MOST_JOBS.saturating_sub(found.len()));
            level = below;
        }
        Ok(plant(found))
    }

    fn want_children(
        &self,
        below: &mut Vec<Wanted>,
        parent: &Wanted,
        relatives: &call::Relatives,
        at: usize,
    ) {
        let states = [
            ChildState::Processed,
            ChildState::Unprocessed,
            ChildState::Failed,
            ChildState::Ignored,
        ];
        for (state, keys) in states.into_iter().zip(&relatives.children) {
            for key in keys {
                let child = split(key, &[parent.keys.prefix(), &self.prefix]);
                if let Some((keys, id)) = child {
                    below.push(Wanted {
                        keys,
                        id,
                        above: Some((at, state)),
                    });
                }
            }
        }
    }

    fn node(&self, wanted: &Wanted, relatives: call::Relatives) -> FlowNode {
        let fields = relatives.hash.iter().map(|(f, v)| (f.as_str(), v.as_str()));
        let [processed, unprocessed, failed, ignored] = relatives.counts;
        let (prefix, queue) = (wanted.keys.prefix(), wanted.keys.queue());
        FlowNode {
            job: Queue::new(self.conn.clone(), prefix, queue).job(&wanted.id),
            queue: queue.to_owned(),
            prefix: prefix.to_owned(),
            record: JobRecord::read(&wanted.id, fields),
            state: wanted.above.map(|(_, state)| state),
            counts: ChildCounts {
                processed,
                unprocessed,
                failed,
                ignored,
            },
            children: Vec::new(),
            hash: relatives.hash.into_iter().collect(),
        }
    }
}

/// Cuts a job's key into its queue and its id. An id may have colons, and so may a prefix: one
/// that is known settles it, else the last two colons count, as in stock.
fn split(key: &str, prefixes: &[&str]) -> Option<(QueueKeys, String)> {
    let known = prefixes.iter().find_map(|prefix| {
        let rest = key.strip_prefix(prefix)?.strip_prefix(':')?;
        let (queue, id) = rest.split_once(':')?;
        Some((*prefix, queue, id))
    });
    let by_colons = || {
        let (rest, id) = key.rsplit_once(':')?;
        let (prefix, queue) = rest.rsplit_once(':')?;
        Some((prefix, queue, id))
    };
    let (prefix, queue, id) = known.or_else(by_colons)?;
    Some((QueueKeys::new(prefix, queue).ok()?, id.to_owned()))
}

/// Hangs each node under its parent, which stands before it, and returns the root.
fn plant(mut found: Vec<(FlowNode, Option<usize>)>) -> Option<FlowNode> {
    while let Some((mut node, above)) = found.pop() {
        node.children.reverse();
        match above.and_then(|parent| found.get_mut(parent)) {
            Some((parent, _)) => parent.children.push(node),
            None => return Some(node),
        }
    }
    None
}

impl IntoFuture for FindFlow {
    type Output = Result<Option<FlowNode>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.read())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_cut_at_a_known_prefix_or_else_at_the_last_colons() {
        for (key, prefixes, parts) in [
            ("bull:q:7", &["bull"][..], ("bull", "q", "7")),
            ("bull:q:repeat:x:7", &["bull"], ("bull", "q", "repeat:x:7")),
            ("a:b:q:7", &["bull"], ("a:b", "q", "7")),
        ] {
            let (keys, id) = split(key, prefixes).unwrap();
            assert_eq!((keys.prefix(), keys.queue(), id.as_str()), parts);
        }
        for key in ["", "x", "x:y", "::"] {
            assert!(split(key, &[]).is_none(), "{key}");
        }
    }
}
