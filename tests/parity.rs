//! What the suites of stock's other clients ask, asked of this one: each check here stands for some
//! of theirs that no other test of ours covers.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[path = "parity/client.rs"]
mod client;
#[path = "parity/flows.rs"]
mod flows;
#[path = "parity/limits.rs"]
mod limits;
#[path = "parity/schedules.rs"]
mod schedules;
#[path = "parity/steps.rs"]
mod steps;
mod support;
#[path = "parity/workers.rs"]
mod workers;

use std::sync::Arc;

use bullrs::{
    BoxError, Outcome,
    worker::{Control, Processor, RawJob, Running, Worker},
};
use futures_util::future::BoxFuture;
use support::{Rig, within};

/// A handler of the jobs of every name.
struct Any<F>(F);

impl<F, R> Processor for Any<F>
where
    F: Fn(RawJob) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Outcome, BoxError>> + Send + 'static,
{
    fn process(&self, job: RawJob) -> BoxFuture<'_, Result<Outcome, BoxError>> {
        Box::pin((self.0)(job))
    }
}

/// A worker of a queue that is stopped, and awaited, at the end of a test.
struct Work(Running);

impl Work {
    async fn on<F, R>(rig: &Rig, queue: &str, handler: F) -> Self
    where
        F: Fn(RawJob) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Outcome, BoxError>> + Send + 'static,
    {
        let worker = rig.client.worker(queue).fallback(Arc::new(Any(handler)));
        Self::start(worker.build().unwrap()).await
    }

    /// One whose jobs all end with `null`.
    async fn idle(rig: &Rig, queue: &str) -> Self {
        Self::on(rig, queue, |_| async { Ok(Outcome::null()) }).await
    }

    async fn start(worker: Worker) -> Self {
        Self(worker.start().await.unwrap())
    }

    fn control(&self) -> Control {
        self.0.control()
    }

    async fn stop(self) -> bullrs::Report {
        self.0.control().stop();
        within("the worker to stop", self.0.finished()).await
    }
}
