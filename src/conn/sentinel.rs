//! Asking sentinels where the master is.

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use redis::{Cmd, Value};

use super::{
    address::Address,
    dial::{Access, Socket, dial},
    fault::Fault,
};

/// How long one sentinel may take before the next is asked.
const SENTINEL_TIMEOUT: Duration = Duration::from_secs(1);

/// The sentinels that watch one master.
pub(super) struct Sentinels {
    /// In the order in which they are asked: who answered last comes first.
    addresses: Mutex<Vec<Address>>,
    /// An open connection to the one that answered last.
    open: tokio::sync::Mutex<Option<(Address, Socket)>>,
    access: Arc<Access>,
    name: String,
}

impl Sentinels {
    pub(super) fn new(addresses: Vec<Address>, access: Access, name: String) -> Self {
        Self {
            addresses: Mutex::new(addresses),
            open: tokio::sync::Mutex::new(None),
            access: Arc::new(access),
            name,
        }
    }

    /// Where the master is now.
    pub(super) async fn master(&self) -> Result<Address, Fault> {
        let mut open = self.open.lock().await;
        if let Some((sentinel, mut socket)) = open.take()
            && let Ok(master) = in_time(self.ask(&sentinel, &mut socket)).await
        {
            *open = Some((sentinel, socket));
            return Ok(master);
        }
        let addresses = self.lock().clone();
        let mut answers = Vec::new();
        for (place, sentinel) in addresses.iter().enumerate() {
            match in_time(self.dial_and_ask(sentinel)).await {
                Ok((socket, master)) => {
                    if let Some(asked) = self.lock().get_mut(..=place) {
                        asked.rotate_right(1);
                    }
                    *open = Some((sentinel.clone(), socket));
                    return Ok(master);
                }
                Err(why) => answers.push(format!("{sentinel}: {why}")),
            }
        }
        Err(Fault::unreached(format!(
            "no sentinel knows the master `{}` ({})",
            self.name,
            answers.join("; ")
        )))
    }

    async fn dial_and_ask(&self, sentinel: &Address) -> Result<(Socket, Address), String> {
        let mut socket = dial(sentinel, &self.access, Some(SENTINEL_TIMEOUT))
            .await
            .map_err(|fault| explain_credentials(fault.message))?;
        let master = self.ask(sentinel, &mut socket).await?;
        Ok((socket, master))
    }

    async fn ask(&self, sentinel: &Address, socket: &mut Socket) -> Result<Address, String> {
        let mut ask = Cmd::new();
        ask.arg("SENTINEL")
            .arg("GET-MASTER-ADDR-BY-NAME")
            .arg(&self.name);
        let reply = socket
            .send(&ask)
            .await
            .map_err(|error| Fault::of(&error, sentinel).message)?;
        let Value::Array(parts) = reply else {
            return Err(format!("it watches no master `{}`", self.name));
        };
        let text = |at: usize| match parts.get(at) {
            Some(Value::BulkString(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
            _ => String::new(),
        };
        let port = text(1).parse().map_err(|_| "its answer is no address")?;
        Address::announced_parts(&text(0), port, sentinel)
            .ok_or_else(|| "its answer is no address".into())
    }

    /// Refuses a server that is no master: right after a failover sentinels may still name it.
    pub(super) async fn check_master(
        &self,
        socket: &mut Socket,
        address: &Address,
    ) -> Result<(), Fault> {
        let mut role = Cmd::new();
        role.arg("ROLE");
        match socket.send(&role).await {
            Ok(Value::Array(parts)) if parts.first().is_some_and(|role| !is_master(role)) => {
                Err(Fault::unreached(format!(
                    "the sentinels name {address} as master `{}`, but it is a replica",
                    self.name
                )))
            }
            // A user who may not ask must do without.
            _ => Ok(()),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Address>> {
        self.addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn in_time<T>(asking: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::time::timeout(SENTINEL_TIMEOUT, asking)
        .await
        .unwrap_or_else(|_| Err("no answer within 1 s".into()))
}

fn is_master(role: &Value) -> bool {
    matches!(role, Value::BulkString(text) if text == b"master")
}

/// The user and password before the hosts are the master's.
fn explain_credentials(message: String) -> String {
    if message.starts_with("NOAUTH") || message.starts_with("WRONGPASS") {
        return format!(
            "{} the sentinel wants credentials of its own: `?sentinel_username=…&\
             sentinel_password=…`",
            message.split(' ').next().unwrap_or_default()
        );
    }
    message
}
