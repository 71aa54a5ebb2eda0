//! What the server says of itself (WIRE §5.2).

use redis::{Cmd, Value};
use tracing::warn;

use super::Conn;
use crate::{Error, Result};

/// Facts of `INFO` that decide whether and how a worker can run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerInfo {
    /// Redis' version, such as `7.0.15`; what Valkey and others claim to be compatible with.
    pub redis_version: String,
    /// `redis`, `valkey` or `dragonfly`.
    pub flavour: &'static str,
    /// What happens when memory is full.
    pub maxmemory_policy: String,
    /// Whether this is a node of a cluster.
    pub cluster: bool,
}

impl Conn {
    /// Asks the server about itself.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn server_info(&self) -> Result<ServerInfo> {
        let mut info = Cmd::new();
        info.arg("INFO");
        match self.call("INFO", &info).await? {
            Value::BulkString(text) => Ok(read(&String::from_utf8_lossy(&text))),
            Value::VerbatimString { text, .. } => Ok(read(&text)),
            _ => Ok(ServerInfo::default()),
        }
    }

    /// Refuses a server that is too old and warns of one that may drop jobs.
    ///
    /// # Errors
    /// When it cannot be reached, or Redis is older than 6.2, whose `RPOP` takes no count.
    pub(crate) async fn check_server(&self) -> Result<ServerInfo> {
        let info = match self.server_info().await {
            Ok(info) => info,
            // A user without the right to ask may still serve the queue.
            Err(Error::Redis {
                transient, message, ..
            }) if !transient || message.starts_with("NOPERM") => {
                return Ok(ServerInfo::default());
            }
            Err(error) => return Err(error),
        };
        let mut version = info
            .redis_version
            .split('.')
            .map(|part| part.parse::<u32>().ok());
        let version = (version.next().flatten(), version.next().flatten());
        if let (Some(major), Some(minor)) = version
            && info.flavour == "redis"
            && (major, minor) < (6, 2)
        {
            return Err(Error::Invalid {
                field: "redis-url",
                rule: format!(
                    "leads to Redis {}, which is too old: 6.2 or newer is needed",
                    info.redis_version
                ),
            });
        }
        if !info.maxmemory_policy.is_empty() && info.maxmemory_policy != "noeviction" {
            warn!(
                target: "bullrs::worker", policy = info.maxmemory_policy,
                "redis may drop jobs when its memory is full; set maxmemory-policy to noeviction"
            );
        }
        Ok(info)
    }
}

fn read(text: &str) -> ServerInfo {
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
    };
    ServerInfo {
        redis_version: field("redis_version").unwrap_or_default().to_owned(),
        flavour: match (field("valkey_version"), field("dragonfly_version")) {
            (Some(_), _) => "valkey",
            (_, Some(_)) => "dragonfly",
            _ => "redis",
        },
        maxmemory_policy: field("maxmemory_policy").unwrap_or_default().to_owned(),
        cluster: field("cluster_enabled") == Some("1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_are_read_from_info() {
        let info = read(
            "# Server\r\nredis_version:7.2.4\r\nvalkey_version:8.0.1\r\n\
             maxmemory_policy:allkeys-lru\r\ncluster_enabled:1\r\n",
        );
        assert_eq!(
            (info.redis_version.as_str(), info.flavour),
            ("7.2.4", "valkey")
        );
        assert_eq!(
            (info.maxmemory_policy.as_str(), info.cluster),
            ("allkeys-lru", true)
        );
    }
}
