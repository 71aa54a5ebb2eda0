//! Asking sentinels where the master is.

use std::{
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
    access: Arc<Access>,
    name: String,
}

impl Sentinels {
    pub(super) fn new(addresses: Vec<Address>, access: Access, name: String) -> Self {
        Self {
            addresses: Mutex::new(addresses),
            access: Arc::new(access),
            name,
        }
    }

    /// Where the master is now.
    pub(super) async fn master(&self) -> Result<Address, Fault> {
        let addresses = self.lock().clone();
        let mut answers = Vec::new();
        for (place, sentinel) in addresses.iter().enumerate() {
            let asked = tokio::time::timeout(SENTINEL_TIMEOUT, self.ask(sentinel)).await;
            match asked.unwrap_or_else(|_| Err("no answer within 1 s".into())) {
                Ok(master) => {
                    if let Some(asked) = self.lock().get_mut(..=place) {
                        asked.rotate_right(1);
                    }
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

    async fn ask(&self, sentinel: &Address) -> Result<Address, String> {
        let mut socket = dial(sentinel, &self.access, Some(SENTINEL_TIMEOUT))
            .await
            .map_err(|fault| explain_credentials(fault.message))?;
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
