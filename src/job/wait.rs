//! Waiting until a job has finished.

use std::{
    fmt,
    future::{Future, IntoFuture},
    marker::PhantomData,
    pin::Pin,
    time::Duration,
};

use serde::de::DeserializeOwned;

use super::JobHandle;
use crate::{
    Error, Result,
    events::{News, Waiting},
    script::call::{self, Finished},
    wire::read_json,
};

/// How often to look at a job of which nothing is heard: some ways to remove one leave no event.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The same when Redis could not be reached for the last look.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl JobHandle {
    /// Waits until the job has finished, and gives what its handler returned.
    ///
    /// It does not matter when the job finishes, before the call or after. All who wait for jobs of
    /// a queue share one connection, which listens to the queue's events.
    ///
    /// ```no_run
    /// # async fn example(job: bullrs::job::JobHandle) -> bullrs::Result<()> {
    /// let url: String = job.result().within(std::time::Duration::from_secs(30)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// * [`Error::JobFailed`] when the job has failed for good, with its reason;
    /// * [`Error::NotFinished`] when the time is over;
    /// * [`Error::JobNotFound`] when there is no such job, or it is removed before it finishes. A
    ///   job that is removed *as* it finishes (`removeOnComplete`) is found all the same, as long
    ///   as its event is among the queue's newest 1,000;
    /// * [`Error::Decode`] when what it returned is not the JSON of a `T`;
    /// * [`Error::Redis`] when Redis cannot be reached at the start. Later outages are waited out.
    pub fn result<T: DeserializeOwned>(&self) -> WaitForResult<'_, T> {
        WaitForResult {
            job: self,
            within: None,
            result: PhantomData,
        }
    }

    async fn outcome(&self) -> Result<Finished> {
        let queue = self.queue();
        call::finished(queue.conn(), queue.keys()?, self.id()).await
    }

    /// Waits for the end, whatever it is.
    async fn wait(&self) -> Result<Finished> {
        let queue = self.queue();
        let keys = queue.keys()?;
        loop {
            let waiting =
                queue
                    .hubs()
                    .wait_for(queue.conn(), keys.prefix(), keys.queue(), self.id());
            let mut waiting = waiting.await?;
            loop {
                match self.next_news(&mut waiting).await? {
                    Some(News::Look) => {}
                    Some(News::Completed(value)) => {
                        return Ok(Finished::Completed(value.as_ref().to_owned()));
                    }
                    Some(News::Failed(reason)) => {
                        return Ok(Finished::Failed(reason.as_ref().to_owned()));
                    }
                    Some(News::Removed) => {
                        return Err(Error::from_code("isFinished", -1, keys.queue(), self.id()));
                    }
                    Some(News::Refused(message)) => {
                        return Err(Error::Redis {
                            operation: "XREAD",
                            message: message.as_ref().to_owned(),
                            transient: false,
                            ambiguous: false,
                        });
                    }
                    // The listener's runtime has ended: begin anew on this one.
                    None => break,
                }
            }
        }
    }

    /// Looks at the job, then waits for what is told of it: whoever is told already misses nothing.
    async fn next_news(&self, waiting: &mut Waiting) -> Result<Option<News>> {
        let patience = match self.outcome().await {
            Ok(Finished::NotYet) => LOOK_EVERY,
            Ok(Finished::Completed(value)) => return Ok(Some(News::Completed(value.into()))),
            Ok(Finished::Failed(reason)) => return Ok(Some(News::Failed(reason.into()))),
            Err(error) if error.is_transient() => LOOK_AGAIN,
            Err(error) => return Err(error),
        };
        let news = tokio::time::timeout(patience, waiting.news()).await;
        Ok(news.unwrap_or(Some(News::Look)))
    }
}

/// A job's result that is about to be waited for.
#[must_use = "nothing is waited for before the builder is awaited"]
pub struct WaitForResult<'a, T> {
    job: &'a JobHandle,
    within: Option<Duration>,
    result: PhantomData<fn() -> T>,
}

impl<T> WaitForResult<'_, T> {
    /// Waits at most so long. For ever by default.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }
}

impl<T: DeserializeOwned> WaitForResult<'_, T> {
    async fn wait(self) -> Result<T> {
        let (job, id) = (self.job, self.job.id());
        let finished = match self.within {
            None => job.wait().await?,
            Some(within) => match tokio::time::timeout(within, job.wait()).await {
                Ok(finished) => finished?,
                Err(_) => {
                    return Err(Error::NotFinished {
                        queue: job.queue().keys()?.queue().to_owned(),
                        id: id.to_owned(),
                        within,
                    });
                }
            },
        };
        match finished {
            Finished::Completed(json) => {
                read_json(&json, &format!("the return value of job `{id}`"))
            }
            Finished::Failed(reason) => Err(Error::JobFailed {
                queue: job.queue().keys()?.queue().to_owned(),
                id: id.to_owned(),
                reason,
            }),
            Finished::NotYet => Err(Error::Closed),
        }
    }
}

impl<'a, T: DeserializeOwned + 'a> IntoFuture for WaitForResult<'a, T> {
    type Output = Result<T>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.wait())
    }
}

impl<T> fmt::Debug for WaitForResult<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitForResult")
            .field("job", self.job)
            .field("within", &self.within)
            .finish_non_exhaustive()
    }
}
