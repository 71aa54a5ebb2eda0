//! HTTP: whether the process lives, and whether it is ready.
//!
//! [`Server`] answers on a thread of its own, which handlers cannot block. What is answered are
//! [`Router`](axum::Router)s: [`health::routes`] needs no token; other routes are to be wrapped in
//! [`Access::required`].

mod access;
pub mod health;
mod server;

pub use access::Access;
pub use health::{Health, StoreHealth};
pub use server::Server;
