//! Processors of the binary: which one runs a job, and the built-in ones.
//!
//! A [`Resolver`] asks its [`Source`]s in order (config, files, [`Builtins`]) and hands the job to
//! the first that has a processor for it.

pub mod openai;
mod recap;
mod resolver;
mod source;
mod store_recap;

pub use openai::Builtins;
pub use recap::{RecapFailure, RecapGroup, RecapSource, RecapSummary, RecapWindow};
pub use resolver::{ExplainedJob, ExplainedRoute, Explanation, Resolver};
pub use source::{Route, Source, Table};
pub use store_recap::StoreRecap;
