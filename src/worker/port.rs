//! What a running job asks of the queue, answered by Redis.

use futures_util::future::BoxFuture;

use super::{JobPort, RawJob};
use crate::{
    Result,
    conn::Conn,
    script::call,
    wire::{QueueKeys, saturating_int},
};

/// The port of the jobs of one queue.
#[derive(Debug)]
pub(super) struct RedisPort {
    conn: Conn,
    keys: QueueKeys,
}

impl RedisPort {
    pub(super) fn new(conn: Conn, keys: QueueKeys) -> Self {
        Self { conn, keys }
    }
}

impl JobPort for RedisPort {
    fn progress<'a>(&'a self, job: &'a RawJob, json: String) -> BoxFuture<'a, Result<()>> {
        Box::pin(
            async move { call::update_progress(&self.conn, &self.keys, job.id(), &json).await },
        )
    }

    fn log<'a>(&'a self, job: &'a RawJob, row: String) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let keep = job.record().opts.keep_logs.map(saturating_int);
            call::add_log(&self.conn, &self.keys, job.id(), &row, keep).await
        })
    }

    fn update_data<'a>(&'a self, job: &'a RawJob, json: String) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { call::update_data(&self.conn, &self.keys, job.id(), &json).await })
    }

    fn children_values<'a>(
        &'a self,
        job: &'a RawJob,
    ) -> BoxFuture<'a, Result<Vec<(String, String)>>> {
        Box::pin(async move { call::children_values(&self.conn, &self.keys, job.id()).await })
    }
}
