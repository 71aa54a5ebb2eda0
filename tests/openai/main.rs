//! The built-in `OpenAI` processors against a stand-in of the API, a real process on a free port.
#![cfg(feature = "processors")]
#![expect(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod bench;
mod errors;
mod export;
mod fine_tune;
mod generate;
mod raw_server;
mod recap;
#[cfg(feature = "cli")]
mod secrets;
mod wire;
