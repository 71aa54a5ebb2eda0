//! Where one server listens.

use std::{fmt, path::PathBuf};

/// Redis' port where an address names none.
pub(super) const PORT: u16 = 6379;
/// A sentinel's.
pub(super) const SENTINEL_PORT: u16 = 26379;

/// A TCP port or a Unix socket.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Address {
    Tcp { host: String, port: u16 },
    Unix(PathBuf),
}

impl Address {
    pub(super) fn tcp(host: &str, port: u16) -> Self {
        Self::Tcp {
            host: host.to_owned(),
            port,
        }
    }

    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
    pub(super) fn parse(text: &str, default_port: u16) -> Result<Self, String> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest
                    .split_once(']')
                    .ok_or("the `[` of its IPv6 address has no `]`")?;
                (
                    host,
                    after
                        .strip_prefix(':')
                        .or((!after.is_empty()).then_some("")),
                )
            }
            None => match text.rsplit_once(':') {
                Some((host, _)) if host.contains(':') => {
                    return Err("an IPv6 address stands in brackets, as in `[::1]:6379`".into());
                }
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        if host.is_empty() {
            return Err("it names no host".into());
        }
        if host
            .chars()
            .any(|letter| letter.is_whitespace() || letter.is_control())
        {
            return Err("its host has a space".into());
        }
        let port = match port {
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or("its port is no number from 1 to 65535")?,
            None => default_port,
        };
        Ok(Self::tcp(host, port))
    }

    /// Reads what a node of a cluster says of another: `host:port`, where the host may be missing
    /// or `?` and the IPv6 address has no brackets. `teller` is the node that said it.
    pub(super) fn announced(text: &str, teller: &Self) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        Self::announced_parts(host, port.parse().ok()?, teller)
    }

    /// The same, in parts.
    pub(super) fn announced_parts(host: &str, port: u16, teller: &Self) -> Option<Self> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if !host.is_empty() && host != "?" {
            return Some(Self::tcp(host, port));
        }
        match teller {
            Self::Tcp { host, .. } => Some(Self::tcp(host, port)),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_people_write_it() {
        for (text, read) in [
            ("cache", "cache:6379"),
            ("cache:7000", "cache:7000"),
            ("[::1]", "[::1]:6379"),
            ("[::1]:7000", "[::1]:7000"),
        ] {
            assert_eq!(Address::parse(text, PORT).unwrap().to_string(), read);
        }
        for text in [
            "", ":1", "cache:", "cache:x", "cache:0", "::1", "[::1", "[::1]x", "a b",
        ] {
            assert!(Address::parse(text, PORT).is_err(), "{text}");
        }
    }

    #[test]
    fn a_node_that_names_no_host_means_its_own() {
        let teller = Address::tcp("cache", 7000);
        for (text, read) in [
            ("10.0.0.2:7001", "10.0.0.2:7001"),
            (":7001", "cache:7001"),
            ("?:7001", "cache:7001"),
            ("fe80::1:7001", "[fe80::1]:7001"),
        ] {
            assert_eq!(Address::announced(text, &teller).unwrap().to_string(), read);
        }
        assert_eq!(Address::announced("nonsense", &teller), None);
    }
}
