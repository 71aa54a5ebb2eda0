//! Flows: trees of jobs in which a job runs once its children have finished (WIRE §5.8).

mod add;
mod find;

pub use add::{AddFlow, AddFlows, FlowTree};
pub use find::{ChildCounts, ChildState, FindFlow, FlowNode};

use serde::Serialize;

use crate::{
    job::{JobOptions, job_option_setters},
    queue::NewJob,
};

/// How many levels a flow may have: trees are taken apart by recursion.
const MOST_LEVELS: usize = 1000;

/// A job and its children, which are flows again, in any queues.
///
/// The options of a job with children are its own; what its failure does to the job above is one
/// of the four rules, such as [`fail_parent_on_failure`](Self::fail_parent_on_failure). A parent
/// that the options of the root name is an existing job; below the root, the parent is the job
/// above whatever the options say.
#[derive(Clone)]
#[must_use = "a flow is added by `Client::flow`"]
pub struct Flow {
    queue: String,
    prefix: Option<String>,
    job: NewJob,
    children: Vec<Self>,
    levels: usize,
    too_deep: bool,
}

impl Flow {
    /// A job of this queue, with this name and data, without children.
    pub fn new(queue: impl Into<String>, name: impl Into<String>, data: impl Serialize) -> Self {
        Self {
            queue: queue.into(),
            prefix: None,
            job: NewJob::new(name, data),
            children: Vec::new(),
            levels: 1,
            too_deep: false,
        }
    }

    /// The prefix of this job's queue; that of the client by default, also below another prefix.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Adds a child, with children of its own or without. A flow has at most 1000 levels.
    pub fn child(mut self, child: Self) -> Self {
        self.too_deep |= child.too_deep;
        if child.levels < MOST_LEVELS {
            self.levels = self.levels.max(child.levels + 1);
            self.children.push(child);
        } else {
            self.too_deep = true;
        }
        self
    }

    /// Adds children.
    pub fn children(self, children: impl IntoIterator<Item = Self>) -> Self {
        children.into_iter().fold(self, Self::child)
    }

    job_option_setters!();

    fn options_mut(&mut self) -> &mut JobOptions {
        self.job.options_mut()
    }
}

/// Without the data, and without the children's details.
impl std::fmt::Debug for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flow")
            .field("queue", &self.queue)
            .field("job", &self.job)
            .field("children", &self.children.len())
            .field("levels", &self.levels)
            .finish_non_exhaustive()
    }
}
