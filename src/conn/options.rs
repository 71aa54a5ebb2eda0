//! Where Redis is, and how to say so without its password.

use std::fmt;

use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};

use crate::{Error, Result};

/// Where Redis is and who we are to it. `Display` and `Debug` leave the credentials out.
#[derive(Clone)]
pub struct ConnectionOptions {
    info: ConnectionInfo,
}

impl ConnectionOptions {
    /// Reads `redis://[user[:password]@]host[:port][/database]`, `rediss://…` (TLS) or
    /// `unix:///path?db=0`.
    ///
    /// # Errors
    /// When it is none of these; the message never contains the text, as it may hold a password.
    pub fn parse(url: &str) -> Result<Self> {
        let invalid = |rule: String| Error::Invalid {
            field: "redis-url",
            rule,
        };
        let url = url.trim();
        let known = [
            "redis://",
            "rediss://",
            "unix://",
            "redis+unix://",
            "valkey://",
            "valkeys://",
        ];
        if !known.iter().any(|scheme| url.starts_with(scheme)) {
            return Err(invalid(
                "must start with `redis://`, `rediss://` or `unix://`, as in `redis://localhost:6379`"
                    .into(),
            ));
        }
        let info = url.into_connection_info().map_err(|error| {
            invalid(format!(
                "is not a Redis URL ({}); expected `redis://user:password@host:port/database`",
                error.detail().unwrap_or("malformed")
            ))
        })?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { .. }) {
            if cfg!(not(feature = "tls")) {
                return Err(invalid(
                    "asks for TLS, which this build does not have".into(),
                ));
            }
            #[cfg(feature = "tls")]
            install_tls_provider();
        }
        Ok(Self { info })
    }

    pub(super) fn client(&self) -> Result<Client> {
        Client::open(self.info.clone()).map_err(|error| Error::Invalid {
            field: "redis-url",
            rule: format!("cannot be used: {error}"),
        })
    }

    /// The same server, announcing this name (`CLIENT SETNAME` happens after dialling).
    pub(super) fn settings(&self) -> &RedisConnectionInfo {
        self.info.redis_settings()
    }
}

/// rustls panics at the first connection when no provider, or more than one, was chosen.
#[cfg(feature = "tls")]
fn install_tls_provider() {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
}

impl fmt::Display for ConnectionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = self.settings().password().is_some() || self.settings().username().is_some();
        let user = if secret { "***@" } else { "" };
        let database = self.settings().db();
        match self.info.addr() {
            ConnectionAddr::Tcp(host, port) => write!(f, "redis://{user}{host}:{port}")?,
            ConnectionAddr::TcpTls { host, port, .. } => write!(f, "rediss://{user}{host}:{port}")?,
            ConnectionAddr::Unix(path) => write!(f, "unix://{user}{}", path.display())?,
            _ => write!(f, "redis")?,
        }
        if database == 0 {
            Ok(())
        } else {
            write!(f, "/{database}")
        }
    }
}

impl fmt::Debug for ConnectionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionOptions({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_credentials() {
        for (url, shown) in [
            ("redis://localhost:6379", "redis://localhost:6379"),
            ("redis://:hunter2@cache:6380/3", "redis://***@cache:6380/3"),
            ("redis://app:hunter2@cache", "redis://***@cache:6379"),
            ("unix:///run/redis.sock", "unix:///run/redis.sock"),
        ] {
            let options = ConnectionOptions::parse(url).unwrap();
            assert_eq!(options.to_string(), shown);
            assert!(!format!("{options:?}").contains("hunter2"));
        }
    }

    #[test]
    fn a_bad_url_is_refused_without_being_quoted() {
        for url in [
            "localhost:6379",
            "http://x:hunter2@y",
            "redis://:hunter2@host:port",
            "",
        ] {
            let error = ConnectionOptions::parse(url).unwrap_err().to_string();
            assert!(error.starts_with("`redis-url` "), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
