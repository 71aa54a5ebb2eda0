//! Runs BullMQ jobs in Rust, sharing Redis with stock Node `bullmq`.

pub mod backoff;
#[cfg(feature = "cli")]
pub mod cli;
pub mod client;
#[cfg(feature = "cli")]
pub mod config;
pub mod conn;
pub mod cron;
pub mod error;
pub mod job;
#[cfg(feature = "processors")]
pub mod processor;
pub mod queue;
pub mod script;
#[cfg(feature = "store")]
pub mod store;
pub mod testing;
pub mod wire;
pub mod worker;

pub use error::{BoxError, Error, Failure, Result};
