//! Why a call failed, before it becomes the caller's error.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use super::{
    address::Address,
    classify::{Verdict, classify},
};
use crate::Error;

/// A failed call or dialling, with what it means.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) verdict: Verdict,
    /// Where a cluster says that the key is.
    pub(super) redirect: Option<Redirect>,
    /// The call was about a key of a slot that is on its way to another node.
    pub(super) try_again: bool,
}

/// A cluster's word that another node serves a key. Nothing was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Redirect {
    /// From now on, for the whole slot.
    Moved(u16, Address),
    /// For this one call: the slot is on its way.
    Ask(Address),
}

impl Fault {
    /// Nothing was sent; trying again later may always help.
    pub(super) fn unreached(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            verdict: Verdict {
                reconnect: true,
                transient: true,
                ambiguous: false,
            },
            redirect: None,
            try_again: false,
        }
    }

    /// What the server or the socket said to a call that was sent to `node`.
    pub(super) fn of(error: &RedisError, node: &Address) -> Self {
        let redirect = error.redirect_node().and_then(|(text, slot)| {
            let address = Address::announced(text, node)?;
            Some(match error.kind() {
                ErrorKind::Server(ServerErrorKind::Ask) => Redirect::Ask(address),
                _ => Redirect::Moved(slot, address),
            })
        });
        Self {
            message: said(error),
            verdict: classify(error),
            redirect,
            try_again: error.kind() == ErrorKind::Server(ServerErrorKind::TryAgain),
        }
    }

    pub(super) fn into_error(self, operation: &'static str) -> Error {
        Error::Redis {
            operation,
            message: self.message,
            transient: self.verdict.transient,
            ambiguous: self.verdict.ambiguous,
        }
    }
}

/// A server's line as it wrote it, or what the socket reported.
fn said(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (Some(code), None) => code.to_owned(),
        _ if error.is_timeout() => "no answer in time; the connection counts as dead".into(),
        _ => error.to_string(),
    }
}
