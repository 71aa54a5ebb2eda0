//! Flows through the public API, on a real Redis.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

mod flow {
    mod adding;
    mod finding;
    mod running;
    pub(crate) mod trees;
}
