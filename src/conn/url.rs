//! Reading the URL of Redis in all its forms.

use super::{
    address::{Address, PORT, SENTINEL_PORT},
    dial::Access,
    options::{ConnectionOptions, Route},
    tls::Tls,
};

/// Parameters that other clients read and that change nothing for us: apps share their URL.
const FOREIGN: [&str; 3] = ["family", "protocol", "allowUsernameInURI"];

/// What kind of URL a scheme announces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    One,
    Unix,
    Cluster,
    Sentinel,
}

/// Reads a URL; the error never quotes it.
pub(super) fn parse(url: &str) -> Result<ConnectionOptions, String> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let Some((kind, encrypted)) = scheme_of(scheme) else {
        return Err(
            "must start with `redis://`, `rediss://`, `unix://`, `redis+cluster://` or \
             `redis+sentinel://`, as in `redis://localhost:6379`"
                .into(),
        );
    };
    if encrypted && cfg!(not(feature = "tls")) {
        return Err("asks for TLS, which this build does not have".into());
    }
    let (rest, fragment) = match rest.split_once('#') {
        // A password with a `#` in it ends up here, too; then an `@` follows.
        Some((rest, fragment)) if !fragment.contains('@') => (rest, Some(fragment)),
        _ => (rest, None),
    };
    let (main, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut parts = Parts {
        access: Access {
            tls: encrypted.then(Tls::default),
            ..Access::default()
        },
        sentinel: Access::default(),
    };
    match fragment {
        None | Some("") => {}
        Some("insecure") => parts.set("insecure", "true", kind)?,
        Some(_) => return Err(malformed("only `#insecure` may follow a `#`", url)),
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        parts.set(name, &decoded(value)?, kind)?;
    }
    parts
        .read(main, kind)
        .map_err(|why| malformed(&why, url))
        .map(|route| ConnectionOptions {
            route,
            access: parts.access,
        })
}

fn scheme_of(scheme: &str) -> Option<(Kind, bool)> {
    let scheme = scheme.to_ascii_lowercase();
    let (server, kind) = match scheme.split_once(['+', '-']) {
        Some((server, "cluster")) => (server, Kind::Cluster),
        Some((server, "sentinel")) => (server, Kind::Sentinel),
        Some(("redis" | "valkey", "unix")) => return Some((Kind::Unix, false)),
        Some(_) => return None,
        None if scheme == "unix" => return Some((Kind::Unix, false)),
        None => (scheme.as_str(), Kind::One),
    };
    match server {
        "redis" | "valkey" => Some((kind, false)),
        "rediss" | "valkeys" => Some((kind, true)),
        _ => None,
    }
}

/// What is read beside the addresses.
struct Parts {
    access: Access,
    sentinel: Access,
}

impl Parts {
    fn set(&mut self, name: &str, value: &str, kind: Kind) -> Result<(), String> {
        let text = || (!value.is_empty()).then(|| value.to_owned());
        match (name, kind, &mut self.access.tls) {
            ("db", Kind::One | Kind::Unix | Kind::Sentinel, _) => {
                self.access.database = database(value)?;
            }
            ("user", Kind::Unix, _) => self.access.username = text(),
            ("pass", Kind::Unix, _) => self.access.password = text(),
            ("sentinel_username", Kind::Sentinel, _) => self.sentinel.username = text(),
            ("sentinel_password", Kind::Sentinel, _) => self.sentinel.password = text(),
            ("ca", _, Some(tls)) => tls.authorities = text().map(Into::into),
            ("cert", _, Some(tls)) => tls.certificate = text().map(Into::into),
            ("key", _, Some(tls)) => tls.key = text().map(Into::into),
            ("server_name", _, Some(tls)) => tls.server_name = text(),
            ("insecure", _, Some(tls)) => {
                tls.insecure = match value {
                    "true" | "1" => true,
                    "false" | "0" => false,
                    _ => return Err("has an `insecure` that is neither `true` nor `false`".into()),
                };
            }
            ("ca" | "cert" | "key" | "server_name" | "insecure", _, None) => {
                return Err(format!(
                    "has `{name}`, which is for TLS, but asks for none; write `rediss://`"
                ));
            }
            _ if FOREIGN.contains(&name) => {}
            // A name may be a secret whose `%26` was not written so.
            _ => {
                return Err(format!(
                    "has a parameter that this kind of URL does not have; it knows {}",
                    known(kind, self.access.tls.is_some())
                ));
            }
        }
        Ok(())
    }

    fn read(&mut self, main: &str, kind: Kind) -> Result<Route, String> {
        let (user, place) = match main.rsplit_once('@') {
            Some((user, place)) => (user, place),
            None => ("", main),
        };
        if !user.is_empty() {
            let (name, password) = match user.split_once(':') {
                Some((name, password)) => (name, Some(password)),
                None => (user, None),
            };
            self.access.username = some(decoded(name)?);
            self.access.password = some(decoded(password.unwrap_or_default())?);
        }
        if kind == Kind::Unix {
            if !place.starts_with('/') {
                return Err("a socket has a whole path, as in `unix:///run/redis.sock`".into());
            }
            return Ok(Route::One(Address::Unix(decoded(place)?.into())));
        }
        let (hosts, path) = place.split_once('/').unwrap_or((place, ""));
        let path = path.strip_suffix('/').unwrap_or(path);
        let hosts = if hosts.is_empty() && kind == Kind::One {
            "localhost"
        } else {
            hosts
        };
        let default_port = if kind == Kind::Sentinel {
            SENTINEL_PORT
        } else {
            PORT
        };
        let mut addresses = Vec::new();
        for host in hosts.split(',') {
            addresses.push(Address::parse(host.trim(), default_port)?);
        }
        match kind {
            Kind::Cluster => {
                if !matches!(path, "" | "0") {
                    return Err("a cluster has no databases; leave the path out".into());
                }
                Ok(Route::Cluster(addresses))
            }
            Kind::Sentinel => {
                let (master, number) = path.split_once('/').unwrap_or((path, ""));
                if master.is_empty() {
                    return Err(
                        "the name of the master is missing; it follows the sentinels, as in \
                         `redis+sentinel://host:26379/mymaster`"
                            .into(),
                    );
                }
                if !number.is_empty() {
                    self.access.database = database(number)?;
                }
                Ok(Route::Sentinels {
                    addresses,
                    access: Box::new(self.sentinel.clone()),
                    master: decoded(master)?,
                })
            }
            _ => {
                if !path.is_empty() {
                    self.access.database = database(path)?;
                }
                match <[Address; 1]>::try_from(addresses) {
                    Ok([address]) => Ok(Route::One(address)),
                    Err(_) => Err("several hosts are a cluster's or sentinels'; write \
                                   `redis+cluster://` or `redis+sentinel://`"
                        .into()),
                }
            }
        }
    }
}

fn known(kind: Kind, encrypted: bool) -> String {
    let mut names = match kind {
        Kind::One => vec!["`db`"],
        Kind::Unix => vec!["`db`", "`user`", "`pass`"],
        Kind::Sentinel => vec!["`db`", "`sentinel_username`", "`sentinel_password`"],
        Kind::Cluster => Vec::new(),
    };
    if encrypted {
        names.extend(["`ca`", "`cert`", "`key`", "`server_name`", "`insecure`"]);
    }
    if names.is_empty() {
        return "none".into();
    }
    names.join(", ")
}

fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

fn database(text: &str) -> Result<i64, String> {
    text.parse()
        .ok()
        .filter(|number| *number >= 0)
        .ok_or_else(|| "the database must be a number, as in `redis://localhost:6379/1`".into())
}

fn malformed(why: &str, url: &str) -> String {
    let escapes = if url.contains('@') {
        "; special characters of a password are written as `%` and two digits, `@` as `%40`"
    } else {
        ""
    };
    format!(
        "is not a Redis URL ({why}); expected `redis://user:password@host:port/database`{escapes}"
    )
}

/// `%40` as `@`, and so on.
fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next()), digit(rest.next()));
                let (Some(high), Some(low)) = (high, low) else {
                    return Err("a `%` is not followed by two digits; itself it is `%25`".into());
                };
                u8::try_from(high * 16 + low).unwrap_or(b'?')
            }
            byte => byte,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).map_err(|_| "its `%` escapes are no UTF-8".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_and_database_are_read() {
        for (url, user, password, database) in [
            ("redis://cache", None, None, 0),
            ("redis://:p%40ss@cache/2", None, Some("p@ss"), 2),
            ("redis://app:p:a/ss@cache", Some("app"), Some("p:a/ss"), 0),
            ("redis://:p#ss@cache", None, Some("p#ss"), 0),
            ("redis://app@cache?db=3", Some("app"), None, 3),
            ("valkey://u:p@cache:1/", Some("u"), Some("p"), 0),
            ("redis+unix:///s?pass=p&db=1", None, Some("p"), 1),
            ("redis-sentinel://u:p@a,b/m/4", Some("u"), Some("p"), 4),
            ("redis+cluster://u:p@a,b/0", Some("u"), Some("p"), 0),
            ("redis://cache?family=0", None, None, 0),
        ] {
            let access = parse(url)
                .unwrap_or_else(|error| panic!("{url} {error}"))
                .access;
            assert_eq!(access.username.as_deref(), user, "{url}");
            assert_eq!(access.password.as_deref(), password, "{url}");
            assert_eq!(access.database, database, "{url}");
        }
    }

    #[test]
    fn sentinels_have_credentials_of_their_own() {
        let url = "redis+sentinel://u:p@a,b/m?sentinel_username=s&sentinel_password=t%26";
        let Route::Sentinels { access, master, .. } = parse(url).unwrap().route else {
            panic!("no sentinels");
        };
        assert_eq!(access.username.as_deref(), Some("s"));
        assert_eq!(access.password.as_deref(), Some("t&"));
        assert_eq!(master, "m");
    }

    #[cfg(feature = "tls")]
    #[test]
    fn the_parameters_of_tls_are_read() {
        let url = "rediss+cluster://a?ca=/c%20a.pem&cert=c&key=k&server_name=n&insecure=true";
        let tls = parse(url).unwrap().access.tls.unwrap();
        assert_eq!(tls.authorities.unwrap().to_str(), Some("/c a.pem"));
        assert_eq!(tls.certificate.unwrap().to_str(), Some("c"));
        assert_eq!(tls.server_name.as_deref(), Some("n"));
        assert!(tls.insecure);
        assert!(
            parse("rediss://a#insecure")
                .unwrap()
                .access
                .tls
                .unwrap()
                .insecure
        );
        assert!(!parse("valkeys://a").unwrap().access.tls.unwrap().insecure);
    }

    #[test]
    fn a_bad_url_is_refused_without_being_quoted() {
        for (url, why) in [
            ("localhost:6379", "must start with"),
            ("http://x:hunter2@y", "must start with"),
            ("redis+other://x:hunter2@y", "must start with"),
            ("", "must start with"),
            ("redis://:hunter2@host:port", "its port is no number"),
            ("redis://hunter2@host#hunter2", "`@` as `%40`"),
            ("redis://:hunt?hunter2@host", "a parameter that"),
            ("redis://:hunter2@host/x", "the database must be a number"),
            ("redis://:hunter2@a,b", "`redis+cluster://`"),
            ("redis://:hunter2%@a", "`%25`"),
            ("redis://a?hunter2=1", "it knows `db`"),
            ("redis://a?ca=hunter2", "write `rediss://`"),
            ("redis+cluster://:hunter2@a/1", "a cluster has no databases"),
            (
                "redis+sentinel://:hunter2@a",
                "name of the master is missing",
            ),
            ("unix://hunter2", "a socket has a whole path"),
        ] {
            let error = ConnectionOptions::parse(url).unwrap_err().to_string();
            assert!(error.starts_with("`redis-url` "), "{error}");
            assert!(error.contains(why), "{url}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
