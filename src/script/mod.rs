//! The Lua scripts: assembled once, called by their SHA-1, loaded where the server lacks them.

mod assemble;
pub(crate) mod call;
mod export;
mod reply;
mod table;

pub use export::export;
pub(crate) use table::*;

use std::sync::OnceLock;

use redis::{Cmd, Value};

use crate::{Result, conn::Conn};
use assemble::Assembled;

/// A script of `lua/commands`.
#[derive(Debug)]
pub(crate) struct Script {
    /// The file's name, which is BullMQ's name in `snake_case`.
    name: &'static str,
    source: &'static str,
    assembled: OnceLock<Assembled>,
}

impl Script {
    const fn new(name: &'static str, source: &'static str) -> Self {
        Self {
            name,
            source,
            assembled: OnceLock::new(),
        }
    }

    fn assembled(&self) -> &Assembled {
        self.assembled
            .get_or_init(|| assemble::assemble(self.source, &table::shared))
    }

    /// Starts the command that runs this script on `keys`; the arguments follow with `.arg`.
    pub(crate) fn on<K: AsRef<str>>(&self, keys: &[K]) -> Cmd {
        let mut command = Cmd::with_capacity(keys.len() + 12, 1024);
        command
            .arg("EVALSHA")
            .arg(&self.assembled().sha1)
            .arg(keys.len());
        for key in keys {
            command.arg(key.as_ref());
        }
        command
    }

    /// Runs a command that [`on`](Self::on) began.
    ///
    /// # Errors
    /// When the server cannot be reached, or the script raised.
    pub(crate) async fn call(&'static self, conn: &Conn, command: &Cmd) -> Result<Value> {
        match conn.call(self.name, command).await {
            Err(error) if is_unknown_script(&error) => {
                let mut load = Cmd::new();
                load.arg("SCRIPT").arg("LOAD").arg(&self.assembled().text);
                conn.call("SCRIPT LOAD", &load).await?;
                conn.call(self.name, command).await
            }
            outcome => outcome,
        }
    }
}

fn is_unknown_script(error: &crate::Error) -> bool {
    matches!(error, crate::Error::Redis { message, .. } if message.contains("NOSCRIPT") || message.contains("NoScript"))
}
