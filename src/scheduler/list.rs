//! Reading many schedulers.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
};

use super::SchedulerInfo;
use crate::{Queue, Result, script::call};

/// See [`Queue::schedulers`].
#[derive(Debug, Clone)]
#[must_use = "nothing is read until it is awaited"]
pub struct Schedulers<'a> {
    queue: &'a Queue,
    latest_first: bool,
    skip: u64,
    take: Option<u64>,
}

impl<'a> Schedulers<'a> {
    pub(super) fn new(queue: &'a Queue) -> Self {
        Self {
            queue,
            latest_first: false,
            skip: 0,
            take: None,
        }
    }

    /// Begins with those due latest (as stock does by default).
    pub fn latest_first(mut self) -> Self {
        self.latest_first = true;
        self
    }

    /// Leaves out the first so many.
    pub fn skip(mut self, count: u64) -> Self {
        self.skip = count;
        self
    }

    /// Reads no more than so many; all by default.
    pub fn take(mut self, count: u64) -> Self {
        self.take = Some(count);
        self
    }

    async fn send(self) -> Result<Vec<SchedulerInfo>> {
        let (conn, keys) = (self.queue.conn(), self.queue.keys()?);
        let found =
            call::job_schedulers(conn, keys, self.latest_first, self.skip, self.take).await?;
        // What has no hash is no scheduler (WIRE §1.5). Stock deletes it; reading shall not.
        Ok(found
            .into_iter()
            .filter_map(|(id, (fields, next))| SchedulerInfo::read(&id, fields, next))
            .collect())
    }
}

impl<'a> IntoFuture for Schedulers<'a> {
    type Output = Result<Vec<SchedulerInfo>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
