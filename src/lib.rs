#![doc = include_str!("../README.md")]

#[cfg(feature = "cli")]
pub mod api;
pub mod backoff;
#[cfg(feature = "cli")]
pub mod cli;
pub mod client;
mod clock;
#[cfg(feature = "cli")]
pub mod config;
pub mod conn;
pub mod cron;
pub mod error;
pub mod events;
pub mod flow;
pub mod job;
#[cfg(feature = "processors")]
pub mod processor;
pub mod queue;
pub mod scheduler;
pub mod script;
pub mod signal;
#[cfg(feature = "store")]
pub mod store;
pub mod testing;
pub mod wire;
pub mod worker;

pub use error::{BoxError, Error, Failure, Result};

pub use client::Client;
#[doc(hidden)]
pub use clock::{run_ahead, stand_at};
pub use flow::{Flow, FlowTree};
pub use job::{Backoff, Deduplication, Job, JobHandle, JobOptions, JobSnapshot, Keep, Parent};
pub use queue::{NewJob, Queue};
pub use wire::JobState;
pub use worker::{CancelOutcome, CancelReason, JobResult, Outcome, Report, State};
