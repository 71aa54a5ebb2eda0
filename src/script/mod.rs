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
                self.load(conn).await?;
                conn.call(self.name, command).await
            }
            outcome => outcome,
        }
    }

    /// Runs commands that [`on`](Self::on) began, all in one round trip; each has its own outcome.
    ///
    /// # Errors
    /// When the server cannot be reached: then any of them may have been carried out.
    pub(crate) async fn call_all(
        &'static self,
        conn: &Conn,
        commands: &[Cmd],
    ) -> Result<Vec<Result<Value>>> {
        let mut outcomes = conn.call_all(self.name, commands).await?;
        let unknown: Vec<usize> = (0..outcomes.len())
            .filter(|&index| matches!(&outcomes[index], Err(error) if is_unknown_script(error)))
            .collect();
        if unknown.is_empty() {
            return Ok(outcomes);
        }
        self.load(conn).await?;
        let again: Vec<Cmd> = unknown.iter().map(|&i| commands[i].clone()).collect();
        let repeated = conn.call_all(self.name, &again).await?;
        for (index, outcome) in unknown.into_iter().zip(repeated) {
            outcomes[index] = outcome;
        }
        Ok(outcomes)
    }

    /// Makes the server know the script.
    ///
    /// # Errors
    /// When the server cannot be reached, or refuses scripts.
    pub(crate) async fn load(&'static self, conn: &Conn) -> Result<()> {
        let mut load = Cmd::new();
        load.arg("SCRIPT").arg("LOAD").arg(&self.assembled().text);
        conn.call("SCRIPT LOAD", &load).await.map(drop)
    }
}

fn is_unknown_script(error: &crate::Error) -> bool {
    matches!(error, crate::Error::Redis { message, .. } if message.contains("NOSCRIPT") || message.contains("NoScript"))
}
