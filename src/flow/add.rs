//! Adding flows.

use std::{
    collections::HashMap,
    future::{Future, IntoFuture},
    pin::Pin,
};

use super::{Flow, MOST_LEVELS};
use crate::{
    Error, Result, clock,
    conn::Conn,
    error::{NotAdded, Refused},
    job::{JobHandle, JobOptions},
    queue::Queue,
    script::call::{self, Insertion, Place},
    wire::QueueKeys,
};

/// How many jobs one call may add: Redis does nothing else meanwhile.
const MOST_JOBS: usize = 100_000;

/// The jobs of a flow that was added.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FlowTree {
    /// The job.
    pub job: JobHandle,
    /// Its name.
    pub name: String,
    /// The name of its queue.
    pub queue: String,
    /// The prefix of its queue.
    pub prefix: String,
    /// In the order in which they were given.
    pub children: Vec<Self>,
}

/// A flow that is about to be added.
#[derive(Debug, Clone)]
#[must_use = "a flow is added only when the builder is awaited"]
pub struct AddFlow(AddFlows);

/// Flows that are about to be added.
#[derive(Debug, Clone)]
#[must_use = "flows are added only when the builder is awaited"]
pub struct AddFlows {
    conn: Conn,
    prefix: String,
    flows: Vec<Flow>,
    defaults: HashMap<String, JobOptions>,
}

impl AddFlow {
    pub(crate) fn new(conn: Conn, prefix: &str, flow: Flow) -> Self {
        Self(AddFlows::new(conn, prefix, vec![flow]))
    }

    /// Options for the jobs of one queue (by its name); what a job sets itself comes before them.
    pub fn defaults(self, queue: impl Into<String>, options: JobOptions) -> Self {
        Self(self.0.defaults(queue, options))
    }

    async fn send(self) -> Result<FlowTree> {
        let mut trees = self.0.send().await.map_err(only_fault)?;
        trees.pop().ok_or(Error::Closed)
    }
}

/// When nothing at all was added, the reason is that of the root: the children lack their parent.
fn only_fault(error: Error) -> Error {
    match error {
        Error::NotAdded(mut outcome) if outcome.added.is_empty() && !outcome.refused.is_empty() => {
            outcome.refused.swap_remove(0).error
        }
        error => error,
    }
}

impl AddFlows {
    pub(crate) fn new(conn: Conn, prefix: &str, flows: Vec<Flow>) -> Self {
        Self {
            conn,
            prefix: prefix.to_owned(),
            flows,
            defaults: HashMap::new(),
        }
    }

    /// Options for the jobs of one queue (by its name); what a job sets itself comes before them.
    pub fn defaults(mut self, queue: impl Into<String>, options: JobOptions) -> Self {
        self.defaults
            .insert(queue.into(), options.without("parent"));
        self
    }

    async fn send(mut self) -> Result<Vec<FlowTree>> {
        if self.flows.is_empty() {
            return Ok(Vec::new());
        }
        let now = clock::now();
        let Prepared { insertions, above } = self.prepare(now).map_err(Error::Options)?;
        let replies = call::add_group(&self.conn, &insertions, now).await?;
        let mut outcome = NotAdded::default();
        for (index, (job, reply)) in insertions.iter().zip(replies).enumerate() {
            match reply {
                Ok(id) => outcome.added.push((index, id)),
                Err(error) => outcome.refused.push(Refused {
                    index,
                    queue: job.keys.queue().to_owned(),
                    name: job.name.clone(),
                    error,
                }),
            }
        }
        if !outcome.refused.is_empty() {
            return Err(Error::NotAdded(Box::new(outcome)));
        }
        let ids = outcome.added.into_iter().map(|(_, id)| id);
        let nodes = insertions.into_iter().zip(ids);
        let nodes = nodes
            .map(|(job, id)| tree_of(&self.conn, job, &id))
            .collect();
        Ok(plant(nodes, &above))
    }

    /// All jobs, level by level over all flows, which is the order in which stock adds them.
    fn prepare(&mut self, now: i64) -> std::result::Result<Prepared, Vec<String>> {
        let mut all = Prepared::default();
        let mut faults = Vec::new();
        let roots = std::mem::take(&mut self.flows).into_iter();
        let mut level: Vec<Node> = roots.map(|flow| Node { flow, above: None }).collect();
        let mut index = 0;
        while !level.is_empty() {
            if index + level.len() > MOST_JOBS {
                faults.push(format!("at most {MOST_JOBS} jobs can be added in one step"));
                break;
            }
            let mut below = Vec::new();
            for mut node in level {
                all.above.push(node.above.as_ref().map(|above| above.index));
                let children = std::mem::take(&mut node.flow.children);
                let describe = node.describe(index);
                let (id, queue_key) = node.identify(&self.prefix);
                match self.prepare_node(node, &id, !children.is_empty(), now) {
                    Ok(insertion) => all.insertions.push(insertion),
                    Err(found) => {
                        faults.extend(found.iter().map(|fault| format!("{describe}: {fault}")));
                    }
                }
                below.extend(children.into_iter().map(|flow| {
                    let above = Above {
                        index,
                        id: id.clone(),
                        queue_key: queue_key.clone(),
                    };
                    Node {
                        flow,
                        above: Some(above),
                    }
                }));
                index += 1;
            }
            level = below;
        }
        if faults.is_empty() {
            Ok(all)
        } else {
            Err(faults)
        }
    }

    fn prepare_node(
        &self,
        node: Node,
        id: &str,
        has_children: bool,
        now: i64,
    ) -> std::result::Result<Insertion, Vec<String>> {
        let Node { flow, above } = node;
        let mut job = flow.job;
        let mut faults = Vec::new();
        if flow.too_deep && above.is_none() {
            faults.push(format!("a flow has at most {MOST_LEVELS} levels"));
        }
        if let Some(above) = above {
            job.options_mut().belong_to(&above.queue_key, &above.id);
        }
        let no_defaults = JobOptions::default();
        let defaults = self.defaults.get(&flow.queue).unwrap_or(&no_defaults);
        let prefix = flow.prefix.as_deref().unwrap_or(&self.prefix);
        let prepared = QueueKeys::new(prefix, &flow.queue)
            .map_err(|error| vec![error.to_string()])
            .and_then(|keys| job.prepare(&keys, defaults, now));
        match prepared {
            Ok(mut insertion) => {
                if has_children && insertion.window.is_some() {
                    faults.push("`deduplication` cannot be used on a job with children".into());
                }
                if has_children {
                    insertion.place = Place::Parent;
                }
                insertion.in_flow = true;
                insertion.id = Some(id.to_owned());
                if faults.is_empty() {
                    return Ok(insertion);
                }
            }
            Err(found) => faults.extend(found),
        }
        Err(faults)
    }
}

/// A job whose turn has come, and the one that it is a child of.
struct Node {
    flow: Flow,
    above: Option<Above>,
}

struct Above {
    index: usize,
    id: String,
    /// `{prefix}:{queue}`.
    queue_key: String,
}

impl Node {
    /// The job's id, chosen by the producer or made up, and its queue with the prefix.
    fn identify(&self, prefix: &str) -> (String, String) {
        let chosen = self.flow.job.custom_id().map(str::to_owned);
        let id = chosen.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let prefix = self.flow.prefix.as_deref().unwrap_or(prefix);
        (id, format!("{prefix}:{}", self.flow.queue))
    }

    fn describe(&self, index: usize) -> String {
        let (name, queue) = (self.flow.job.name(), &self.flow.queue);
        format!("job {index} `{name}` for queue `{queue}`")
    }
}

/// The jobs of flows in the order in which they are added, and of each the place of its parent.
#[derive(Default)]
struct Prepared {
    insertions: Vec<Insertion>,
    above: Vec<Option<usize>>,
}

fn tree_of(conn: &Conn, job: Insertion, id: &str) -> FlowTree {
    let queue = Queue::new(conn.clone(), job.keys.prefix(), job.keys.queue());
    FlowTree {
        job: queue.job(id),
        name: job.name,
        queue: job.keys.queue().to_owned(),
        prefix: job.keys.prefix().to_owned(),
        children: Vec::new(),
    }
}

/// Hangs each node under its parent, which stands before it, and returns the roots.
fn plant(nodes: Vec<FlowTree>, above: &[Option<usize>]) -> Vec<FlowTree> {
    let mut roots = Vec::new();
    let mut standing = nodes;
    for parent in above.iter().rev() {
        let Some(mut node) = standing.pop() else {
            break;
        };
        node.children.reverse();
        match parent.and_then(|parent| standing.get_mut(parent)) {
            Some(parent) => parent.children.push(node),
            None => roots.push(node),
        }
    }
    roots.reverse();
    roots
}

impl IntoFuture for AddFlow {
    type Output = Result<FlowTree>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl IntoFuture for AddFlows {
    type Output = Result<Vec<FlowTree>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
