//! Fine-tuning jobs: started, followed, cancelled.

mod asked;
mod cancel;
mod follow;
mod marks;
mod memory;
pub(super) mod remote;
mod start;

pub(super) use cancel::Cancel;
pub(super) use start::Start;
