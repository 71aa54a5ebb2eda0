//! Adding jobs through the public API, on a real Redis.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod support;

mod adding {
    mod bulk;
    mod deduplication;
    mod options;
    mod parents;
    mod refusals;
    pub(crate) mod seen;
    mod states;
}
