//! The worker: roles that fetch, finish, keep locks and recover stalled jobs.

mod job;
mod observer;
mod options;
mod processor;

pub use job::{CancelReason, JobPort, Payload, RawJob};
pub use observer::{Observer, Settled, SettledState};
pub use options::{NameOptions, QueueOptions, WorkerOptions};
pub use processor::{Outcome, Processor};
