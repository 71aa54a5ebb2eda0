//! What a worker answers over HTTP.

use std::{net::SocketAddr, sync::Arc};

use super::{Abort, Exit, store::Storage};
use crate::{
    api::{Access, Health, Server, StoreHealth, health},
    config::{Reader, Sources, reason},
    store::JobRecorder,
};

/// Never a flag: command lines are seen by every user of the machine.
const API_TOKEN: &str = "BULLRS_API_TOKEN";

/// Where to listen, and who may ask.
#[derive(Debug)]
pub(super) struct Http {
    address: SocketAddr,
    access: Access,
}

impl Http {
    /// Reads `--http` and the token; an open address without a token is a fault.
    pub(super) fn read(sources: &Sources, reader: &mut Reader<'_>) -> Option<Self> {
        let address = reader.http()?;
        let token = sources.environment.get(API_TOKEN).cloned();
        match Access::on(address, token) {
            Ok(access) => Some(Self { address, access }),
            Err(fault) => {
                reader.fault(&fault);
                None
            }
        }
    }

    /// Answers from now on.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub(super) fn answer(self, health: &Arc<Health>) -> Result<Server, Abort> {
        let routes = health::routes(Arc::clone(health), self.access);
        let server = Server::start(self.address, routes).map_err(|error| {
            Abort::new(Exit::Failed, format!("cannot listen on `{}`", self.address))
                .cause(reason(&error))
                .hint("`--http` names another address")
        })?;
        tracing::info!(address = %server.address(), "answering /healthz and /readyz");
        Ok(server)
    }
}

/// What the answers are made of.
pub(super) fn health(storage: Option<&Storage>) -> Arc<Health> {
    Health::new(storage.map(|storage| storage.recorder() as Arc<dyn StoreHealth>))
}

impl StoreHealth for JobRecorder {
    fn trouble(&self) -> Option<String> {
        if self.is_healthy() {
            return None;
        }
        let waiting = self.waiting();
        Some(match self.last_error() {
            Some(error) => format!("{error}; {waiting} writes wait"),
            None => format!("{waiting} writes wait, so that no further job starts"),
        })
    }
}
