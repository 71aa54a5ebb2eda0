//! Where Redis is, and how to say so without its password.

use std::{fmt, path::PathBuf, time::Duration};

use super::{address::Address, dial::Access, tls::Tls, url};
use crate::{Error, Result};

/// Where Redis is and who we are to it. `Display` and `Debug` leave the credentials out.
#[derive(Clone)]
pub struct ConnectionOptions {
    pub(super) route: Route,
    pub(super) access: Access,
}

/// How the server that has the queues is found.
#[derive(Clone)]
pub(super) enum Route {
    /// It is this one. Should it turn out to be a node of a cluster, the cluster is used.
    One(Address),
    /// Sentinels know it.
    Sentinels {
        addresses: Vec<Address>,
        access: Box<Access>,
        master: String,
    },
    /// Any of these knows the others.
    Cluster(Vec<Address>),
}

impl ConnectionOptions {
    /// Reads one of
    ///
    /// * `redis://[user[:password]@]host[:port][/database]`
    /// * `unix:///path[?db=0&user=…&pass=…]`
    /// * `redis+cluster://[user[:password]@]host[:port],host[:port]…`
    /// * `redis+sentinel://[user[:password]@]host[:port],…/master[/database]`, where the credentials
    ///   are the master's; `?sentinel_username=…&sentinel_password=…` has those of the sentinels
    ///
    /// `rediss` instead of `redis` asks for TLS, with these parameters: `ca=FILE`, `cert=FILE` and
    /// `key=FILE` (PEM), `server_name=NAME`, `insecure=true`. Files are read by
    /// [`Client::connect`](crate::Client::connect) and at each later dialling.
    ///
    /// # Errors
    /// When it is none of these; the message never contains the text, as it may hold a password.
    pub fn parse(url: &str) -> Result<Self> {
        url::parse(url.trim()).map_err(invalid)
    }

    /// A server by its host, which is a name or an address, and its port.
    pub fn tcp(host: impl AsRef<str>, port: u16) -> Self {
        let host = host.as_ref();
        let bare = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        Self {
            route: Route::One(Address::tcp(bare.unwrap_or(host), port)),
            access: Access::default(),
        }
    }

    /// Signs in with this password, as the user `default` unless [another](Self::username) is
    /// named. Nothing in it needs an escape, unlike in a URL.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.access.password = Some(password.into());
        self
    }

    /// Signs in as this user of the server's access control list.
    #[must_use]
    pub fn username(mut self, name: impl Into<String>) -> Self {
        self.access.username = Some(name.into());
        self
    }

    /// Uses this database; 0 by default. A cluster has no other.
    #[must_use]
    pub fn database(mut self, number: u32) -> Self {
        self.access.database = number.into();
        self
    }

    /// Asks for TLS, as `rediss` does in a URL.
    #[must_use]
    pub fn encrypted(mut self) -> Self {
        self.access.tls.get_or_insert_default();
        self
    }

    /// Trusts the authorities of this PEM file instead of the public ones.
    ///
    /// # Errors
    /// When the URL does not ask for TLS.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Result<Self> {
        self.tls("CA")?.authorities = Some(path.into());
        Ok(self)
    }

    /// Shows this certificate (with what leads to its authority) to the server; both files in PEM.
    ///
    /// # Errors
    /// When the URL does not ask for TLS.
    pub fn client_certificate(
        mut self,
        certificate: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self> {
        let tls = self.tls("client certificate")?;
        tls.certificate = Some(certificate.into());
        tls.key = Some(key.into());
        Ok(self)
    }

    /// How long a reply may take (10 s) before the connection counts as dead and is dialled anew. A
    /// call that ran out of it may have been carried out.
    #[must_use]
    pub fn reply_timeout(mut self, timeout: Duration) -> Self {
        self.access.patience = timeout;
        self
    }

    fn tls(&mut self, what: &str) -> Result<&mut Tls> {
        self.access.tls.as_mut().ok_or_else(|| {
            invalid(format!(
                "asks for no TLS, but there is a {what} for it; write `rediss://`"
            ))
        })
    }

    /// Reads the files that TLS needs.
    pub(super) fn check_files(&self) -> Result<()> {
        match &self.access.tls {
            Some(tls) => tls.check().map_err(invalid),
            None => Ok(()),
        }
    }

    /// How sentinels are spoken to: encrypted as the master is, with credentials of their own.
    pub(super) fn sentinel_access(&self, access: &Access) -> Access {
        Access {
            tls: self.access.tls.clone(),
            ..access.clone()
        }
    }

    /// Whether the server's certificate is not looked at.
    pub(super) fn is_insecure(&self) -> bool {
        self.access.tls.as_ref().is_some_and(|tls| tls.insecure)
    }
}

pub(super) fn invalid(rule: String) -> Error {
    Error::Invalid {
        field: "redis-url",
        rule,
    }
}

impl fmt::Display for ConnectionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let access = &self.access;
        let secret = access.password.is_some() || access.username.is_some();
        let user = if secret { "***@" } else { "" };
        let scheme = if access.tls.is_some() {
            "rediss"
        } else {
            "redis"
        };
        match &self.route {
            Route::One(Address::Unix(path)) => write!(f, "unix://{user}{}", path.display())?,
            Route::One(address) => write!(f, "{scheme}://{user}{address}")?,
            Route::Cluster(seeds) => write!(f, "{scheme}+cluster://{user}{}", listed(seeds))?,
            Route::Sentinels {
                addresses, master, ..
            } => write!(
                f,
                "{scheme}+sentinel://{user}{}/{master}",
                listed(addresses)
            )?,
        }
        if access.database == 0 {
            Ok(())
        } else {
            write!(f, "/{}", access.database)
        }
    }
}

fn listed(addresses: &[Address]) -> String {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(",")
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
            ("redis://[::1]:7000", "redis://[::1]:7000"),
            ("unix:///run/redis.sock", "unix:///run/redis.sock"),
            (
                "unix:///run/redis.sock?db=2&user=app&pass=hunter2",
                "unix://***@/run/redis.sock/2",
            ),
            (
                "redis+cluster://app:hunter2@a,b:7000",
                "redis+cluster://***@a:6379,b:7000",
            ),
            (
                "redis+sentinel://app:hunter2@a,b:5000/mymaster/1?sentinel_password=hunter2",
                "redis+sentinel://***@a:26379,b:5000/mymaster/1",
            ),
        ] {
            let options = ConnectionOptions::parse(url).unwrap();
            assert_eq!(options.to_string(), shown);
            assert!(!format!("{options:?}").contains("hunter2"));
        }
    }

    #[test]
    fn options_by_name_mean_what_a_url_means() {
        let named = |host: &str| ConnectionOptions::tcp(host, 7000);
        let full = named("cache")
            .username("app@x")
            .password("p@:/w%")
            .database(3);
        for (options, shown) in [
            (named("localhost"), "redis://localhost:7000"),
            (named("::1"), "redis://[::1]:7000"),
            (named("[::1]").encrypted(), "rediss://[::1]:7000"),
            (full.clone(), "redis://***@cache:7000/3"),
        ] {
            assert_eq!(options.to_string(), shown);
        }
        let url = ConnectionOptions::parse("redis://app%40x:p%40%3A%2Fw%25@cache:7000/3").unwrap();
        let credentials = |of: &ConnectionOptions| {
            let access = &of.access;
            (
                access.username.clone(),
                access.password.clone(),
                access.database,
            )
        };
        assert_eq!(credentials(&full), credentials(&url));
    }

    #[test]
    fn files_for_tls_without_tls_are_refused() {
        let options = ConnectionOptions::parse("redis://cache").unwrap();
        assert_eq!(
            options.ca_file("ca.pem").unwrap_err().to_string(),
            "`redis-url` asks for no TLS, but there is a CA for it; write `rediss://`"
        );
    }
}
