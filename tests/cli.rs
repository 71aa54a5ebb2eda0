//! The real binary: output, messages, exit codes, signals.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

#[path = "cli/health.rs"]
mod health;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/job.rs"]
mod job;
#[path = "cli/packaging.rs"]
mod packaging;
#[path = "cli/payload.rs"]
mod payload;
#[path = "cli/process.rs"]
mod process;
#[path = "cli/serving.rs"]
mod serving;
#[path = "cli/settings.rs"]
mod settings;
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/usage.rs"]
mod usage;
