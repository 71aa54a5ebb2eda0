//! Job schedulers.

use crate::{reply::Reply, session::Session};

pub(crate) async fn play(_session: &Session, _name: &str, _line: &str) -> Reply {
    Reply::inexpressible(&"schedulers")
}
