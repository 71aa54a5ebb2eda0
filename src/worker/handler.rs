//! Handlers: `async fn(Job<T>)` or `async fn(Job<T>, State<S>)`, and what they may return.

use std::{future::Future, marker::PhantomData, sync::Arc};

use futures_util::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};

use super::{Outcome, Processor, RawJob};
use crate::{BoxError, Failure, job::Job};

/// What a handler returns: any error fails the attempt.
pub type JobResult<R> = Result<R, BoxError>;

/// The worker's state, as a handler's second argument.
#[derive(Debug, Clone, Copy)]
pub struct State<S>(pub S);

/// What a handler may return for success: any value with a JSON form, or an [`Outcome`].
pub trait IntoOutcome {
    /// Turns the value into an outcome.
    ///
    /// # Errors
    /// When the value has no JSON form.
    fn into_outcome(self) -> Result<Outcome, BoxError>;
}

impl<R: Serialize> IntoOutcome for R {
    fn into_outcome(self) -> Result<Outcome, BoxError> {
        Ok(Outcome::done(&self)?)
    }
}

impl IntoOutcome for Outcome {
    fn into_outcome(self) -> Result<Outcome, BoxError> {
        Ok(self)
    }
}

/// A function that can run jobs. `M` only tells the two arities apart.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a job handler",
    note = "a handler is `async fn(Job<T>) -> Result<R, E>` or `async fn(Job<T>, State<S>) -> Result<R, E>`, where `T: Deserialize`, `R: Serialize` and `E: Into<BoxError>`"
)]
pub trait Handler<S, M>: Send + Sync + 'static {
    /// Decodes the job's data and runs the function.
    fn call(&self, job: RawJob, state: &S) -> BoxFuture<'static, Result<Outcome, BoxError>>;
}

impl<F, Fut, T, R, E, S> Handler<S, (T,)> for F
where
    F: Fn(Job<T>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
    T: DeserializeOwned,
    R: IntoOutcome,
    E: Into<BoxError>,
{
    fn call(&self, job: RawJob, _state: &S) -> BoxFuture<'static, Result<Outcome, BoxError>> {
        match Job::read(job) {
            Ok(job) => run(self(job)),
            Err(error) => undecodable(error),
        }
    }
}

impl<F, Fut, T, R, E, S> Handler<S, (T, S)> for F
where
    F: Fn(Job<T>, State<S>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
    T: DeserializeOwned,
    R: IntoOutcome,
    E: Into<BoxError>,
    S: Clone,
{
    fn call(&self, job: RawJob, state: &S) -> BoxFuture<'static, Result<Outcome, BoxError>> {
        match Job::read(job) {
            Ok(job) => run(self(job, State(state.clone()))),
            Err(error) => undecodable(error),
        }
    }
}

fn run<R: IntoOutcome, E: Into<BoxError>>(
    running: impl Future<Output = Result<R, E>> + Send + 'static,
) -> BoxFuture<'static, Result<Outcome, BoxError>> {
    Box::pin(async move { running.await.map_err(Into::into)?.into_outcome() })
}

/// Data of the wrong shape will not get better by trying again.
fn undecodable(error: crate::Error) -> BoxFuture<'static, Result<Outcome, BoxError>> {
    Box::pin(async move { Err(Failure::unrecoverable(error).into()) })
}

/// A handler with its state, as a [`Processor`].
pub(super) struct WithState<H, S, M> {
    handler: H,
    state: S,
    arity: PhantomData<fn(M)>,
}

impl<H, S, M> WithState<H, S, M>
where
    H: Handler<S, M>,
    S: Send + Sync + 'static,
    M: 'static,
{
    pub(super) fn boxed(handler: H, state: S) -> Arc<dyn Processor> {
        Arc::new(Self {
            handler,
            state,
            arity: PhantomData,
        })
    }
}

impl<H, S, M> Processor for WithState<H, S, M>
where
    H: Handler<S, M>,
    S: Send + Sync + 'static,
    M: 'static,
{
    fn process(&self, job: RawJob) -> BoxFuture<'_, Result<Outcome, BoxError>> {
        self.handler.call(job, &self.state)
    }
}
