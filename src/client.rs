//! The client: one connection for everything, handles are free.

use std::sync::Arc;

use crate::{
    Result,
    conn::{Conn, ConnectionOptions, ServerInfo},
    events::{Hubs, QueueEvents},
    flow::{AddFlow, AddFlows, FindFlow, Flow},
    queue::Queue,
    worker::{FetcherBuilder, WorkerBuilder},
};

/// A connection to the Redis that queues live in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    conn: Conn,
    prefix: String,
    hubs: Arc<Hubs>,
}

impl Client {
    /// Connects to `redis://[user[:password]@]host[:port][/database]`, `rediss://…` or `unix://…`.
    ///
    /// # Errors
    /// When the URL is malformed or the server cannot be reached.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::with_options(ConnectionOptions::parse(url)?).await
    }

    /// Connects to a server whose URL was parsed before.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn with_options(options: ConnectionOptions) -> Result<Self> {
        Ok(Self {
            conn: Conn::connect(options).await?,
            prefix: "bull".into(),
            hubs: Arc::default(),
        })
    }

    /// Uses another prefix than `bull`; it must equal the Node side's `prefix` option.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// A handle on a queue. A name that is not allowed is reported by its first use.
    pub fn queue(&self, name: &str) -> Queue {
        Queue::new(self.conn.clone(), &self.prefix, name).sharing(&self.hubs)
    }

    /// Prepares to read the events of a queue.
    pub fn events(&self, queue: &str) -> QueueEvents {
        QueueEvents::new(self.conn.clone(), &self.prefix, queue)
    }

    /// Prepares to take jobs of a queue by hand, one at a time.
    pub fn fetcher(&self, queue: &str) -> FetcherBuilder {
        FetcherBuilder::new(self.conn.clone(), &self.prefix, queue)
    }

    /// Prepares a flow: a job that runs once its children have finished. All its jobs are added in
    /// one step when the builder is awaited, or none.
    ///
    /// The jobs need not be of the same queue; on a Redis cluster their queues need one hash tag.
    ///
    /// # Errors
    /// [`Error::Options`](crate::Error::Options) with all faults of all jobs, before anything was
    /// sent. [`Error::ParentNotFound`](crate::Error::ParentNotFound) when the root has a parent that
    /// is gone; then nothing was added. [`Error::NotAdded`](crate::Error::NotAdded) when a job
    /// that is there already has another parent: the others were added, and the parent that misses
    /// it waits.
    pub fn flow(&self, flow: Flow) -> AddFlow {
        AddFlow::new(self.conn.clone(), &self.prefix, flow)
    }

    /// Prepares flows that are added all in one step, with the errors of [`flow`](Self::flow).
    pub fn flows(&self, flows: impl IntoIterator<Item = Flow>) -> AddFlows {
        AddFlows::new(self.conn.clone(), &self.prefix, flows.into_iter().collect())
    }

    /// Prepares to read a job and its children, and theirs; awaited, it gives nothing when there
    /// is no such job.
    pub fn flow_tree(&self, queue: &str, id: &str) -> FindFlow {
        FindFlow::new(self.conn.clone(), &self.prefix, queue, id)
    }

    /// Prepares a worker of one queue, with connections of its own.
    pub fn worker(&self, queue: &str) -> WorkerBuilder<()> {
        WorkerBuilder::new(self.conn.options().clone(), &self.prefix, queue)
    }

    /// Asks the server about itself, which also shows that it is there.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn ping(&self) -> Result<ServerInfo> {
        self.conn.server_info().await
    }
}
