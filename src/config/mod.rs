//! What the process was told, and by whom: flags beat the environment, the environment beats
//! `bullrs.toml`, the file beats the defaults.
//!
//! Nothing here connects to anything. Every fault is collected, so that one run shows them all.

mod entry;
mod file;
mod key;
mod log_filter;
mod origin;
mod parse;
mod redact;
mod section;
mod settings;
mod sources;
mod suggest;
mod worker;

pub use entry::Entry;
pub use file::File;
pub use key::{KEYS, Key, Place};
pub use log_filter::LogFilter;
pub use origin::{Fault, Faults, Origin};
pub use parse::{
    METRICS_TWO_WEEKS, Metrics, QueueSpec, duration, duration_text, keep_jobs, metrics, queue_list,
    switch,
};
pub use redact::Redactor;
pub use section::QueueSection;
pub use settings::{LogChoice, LogFormat, Reader, RedisChoice, StoreChoice};
pub use sources::{DEFAULT_FILE, Given, Sources};

pub(crate) use key::{flag_of, variable_of};
#[cfg(test)]
pub(crate) use section::{JOBS, QUEUE};
pub(crate) use sources::{plain, reason};
pub(crate) use suggest::closest;
