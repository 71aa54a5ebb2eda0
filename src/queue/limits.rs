//! Limits of a queue that hold for all its workers together.

use std::time::Duration;

use super::Queue;
use crate::{Error, Result, script::call, wire::Limiter};

impl Queue {
    /// Lets at most so many jobs run at once, over all workers.
    ///
    /// # Errors
    /// [`Error::Invalid`] of 0, which would stop the queue for ever ([`pause`](Self::pause) stops
    /// it until it is resumed), or when Redis cannot be reached.
    pub async fn set_global_concurrency(&self, jobs: u32) -> Result<()> {
        if jobs == 0 {
            return Err(Error::Invalid {
                field: "concurrency",
                rule: "must be 1 or more, got 0; to let nothing run, pause the queue".into(),
            });
        }
        call::set_meta(
            self.conn(),
            self.keys()?,
            &[("concurrency", u64::from(jobs))],
        )
        .await
    }

    /// Keeps about so many events in the queue's stream (`streams.events.maxLen` of stock's
    /// `Queue`, which sets it anew whenever it is made; 10000 by default).
    ///
    /// # Errors
    /// [`Error::Invalid`] of 0, or when Redis cannot be reached.
    pub async fn set_max_events(&self, events: u64) -> Result<()> {
        if events == 0 {
            return Err(Error::Invalid {
                field: "events",
                rule: "must be 1 or more, got 0".into(),
            });
        }
        let fields = [("opts.maxLenEvents", events)];
        call::set_meta(self.conn(), self.keys()?, &fields).await
    }

    /// Says in the queue's settings that this client made it, as stock's `Queue` says of itself
    /// (WIRE §1.4): [`version`](Self::version) is `bullrs:` and our version from then on.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn record_version(&self) -> Result<()> {
        let version = concat!("bullrs:", env!("CARGO_PKG_VERSION"));
        call::set_meta(self.conn(), self.keys()?, &[("version", version)]).await
    }

    /// Takes the limit of [`set_global_concurrency`](Self::set_global_concurrency) away.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn remove_global_concurrency(&self) -> Result<()> {
        call::remove_meta(self.conn(), self.keys()?, &["concurrency"]).await
    }

    /// Lets at most `max` jobs start in each `duration`, over all workers. A worker with a limiter
    /// of its own keeps its own duration, but starts no more than `max` (WIRE §4.1).
    ///
    /// # Errors
    /// [`Error::Invalid`] when either is 0, or when Redis cannot be reached.
    pub async fn set_global_rate_limit(&self, limit: Limiter) -> Result<()> {
        if limit.max == 0 {
            return Err(Error::Invalid {
                field: "max",
                rule: "must be 1 or more, got 0".into(),
            });
        }
        let duration = millis("duration", limit.duration)?;
        let fields = [("max", u64::from(limit.max)), ("duration", duration)];
        call::set_meta(self.conn(), self.keys()?, &fields).await
    }

    /// Takes the limit of [`set_global_rate_limit`](Self::set_global_rate_limit) away. What is
    /// counted of the current window stays until it ends, or
    /// [`remove_rate_limit`](Self::remove_rate_limit).
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn remove_global_rate_limit(&self) -> Result<()> {
        call::remove_meta(self.conn(), self.keys()?, &["max", "duration"]).await
    }

    /// Lets no job start for this long. Only workers that have a rate limit heed it: one of their
    /// own, or the queue's.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is shorter than 1 ms, or when Redis cannot be reached.
    pub async fn rate_limit(&self, duration: Duration) -> Result<()> {
        let duration = millis("duration", duration)?;
        call::rate_limit(self.conn(), self.keys()?, duration).await
    }

    /// Begins a new window: jobs may start at once, whatever has been counted. Says whether
    /// anything had.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn remove_rate_limit(&self) -> Result<bool> {
        call::remove_key(self.conn(), self.keys()?, "limiter").await
    }
}

fn millis(field: &'static str, duration: Duration) -> Result<u64> {
    match u64::try_from(duration.as_millis()) {
        Ok(0) => Err(Error::Invalid {
            field,
            rule: format!("must be 1 ms or more, got {duration:?}"),
        }),
        millis => Ok(millis.unwrap_or(u64::MAX)),
    }
}
