//! Sources into settings: every value parsed and checked, every fault kept.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
};

use super::{
    Entry, Fault, Faults, File, Key, LogFilter, Origin, Redactor, Sources, duration, duration_text,
    key, parse::count, switch,
};
use crate::conn::ConnectionOptions;

/// Where Redis is.
#[derive(Clone)]
pub struct RedisChoice {
    /// As it was written, credentials and all.
    pub url: String,
    /// The same, understood.
    pub options: ConnectionOptions,
}

impl RedisChoice {
    fn parse(url: &str) -> Result<Self, String> {
        let options = ConnectionOptions::parse(url).map_err(|error| match error {
            crate::Error::Invalid { rule, .. } => rule,
            other => other.to_string(),
        })?;
        Ok(Self {
            url: url.to_owned(),
            options,
        })
    }

    fn standard() -> Self {
        Self::parse(key::REDIS_URL.default).expect("the default reads; the tests use it")
    }
}

impl fmt::Debug for RedisChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisChoice({})", self.options)
    }
}

/// Where the job store is.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreChoice {
    /// Pure BullMQ: no rows are written.
    Off,
    /// Nobody chose; a SQLite file in the working directory where one can be made.
    Default(String),
    /// Chosen: it must be reachable.
    Configured(String),
}

impl fmt::Debug for StoreChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, url) = match self {
            Self::Off => return f.write_str("Off"),
            Self::Default(url) => ("Default", url),
            Self::Configured(url) => ("Configured", url),
        };
        write!(f, "{kind}({})", Redactor::new().clean(url))
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// What to log, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChoice {
    /// By default pretty on a terminal and JSON elsewhere.
    pub format: Option<LogFormat>,
    /// Which events.
    pub filter: LogFilter,
}

/// Reads settings one group at a time, as a command needs them, and collects the faults of all.
#[derive(Debug)]
pub struct Reader<'s> {
    pub(super) sources: &'s Sources,
    pub(super) file: Option<File>,
    pub(super) faults: Faults,
    pub(super) entries: Vec<Entry>,
}

impl<'s> Reader<'s> {
    /// Parses the file; its faults are the first to be collected.
    pub fn new(sources: &'s Sources) -> Self {
        let mut faults = Faults::default();
        let file = sources
            .file
            .as_ref()
            .map(|(path, text)| File::read(path, text, &mut faults));
        Self {
            sources,
            file,
            faults,
            entries: Vec::new(),
        }
    }

    /// Where Redis is. After a fault it is the default.
    pub fn redis(&mut self) -> RedisChoice {
        let (origin, found) = self.value(&key::REDIS_URL, RedisChoice::parse);
        let is_known = found.is_some() || origin == Origin::Default;
        let mut choice = found.unwrap_or_else(RedisChoice::standard);
        let ca = self.path(&key::REDIS_CA);
        let certificate = self.path(&key::REDIS_CERT);
        let key = self.path(&key::REDIS_KEY);
        if !is_known {
            return choice;
        }
        if let Some((origin, path)) = ca {
            let options = choice.options.clone().ca_file(path);
            self.keep(&key::REDIS_CA, &origin, &mut choice, options);
        }
        match (certificate, key) {
            (Some((origin, certificate)), Some((_, key))) => {
                let options = choice.options.clone().client_certificate(certificate, key);
                self.keep(&key::REDIS_CERT, &origin, &mut choice, options);
            }
            (Some((origin, _)), None) => {
                self.complain(
                    &key::REDIS_CERT,
                    &origin,
                    "needs its key: set BULLRS_REDIS_KEY too",
                );
            }
            (None, Some((origin, _))) => self.complain(
                &key::REDIS_KEY,
                &origin,
                "belongs to a certificate: set BULLRS_REDIS_CERT too",
            ),
            (None, None) => {}
        }
        choice
    }

    fn path(&mut self, key: &Key) -> Option<(Origin, String)> {
        let (origin, path) = self.value(key, |text| Ok(text.to_owned()));
        Some((origin, path.filter(|path| !path.is_empty())?))
    }

    fn keep(
        &mut self,
        key: &Key,
        origin: &Origin,
        choice: &mut RedisChoice,
        options: crate::Result<ConnectionOptions>,
    ) {
        match options {
            Ok(options) => choice.options = options,
            Err(_no_tls) => self.complain(
                key,
                origin,
                "is for TLS, but the URL of redis asks for none; write `rediss://`",
            ),
        }
    }

    /// Where the job store is, and whether there is to be one.
    pub fn store(&mut self) -> StoreChoice {
        let database = self.database();
        if self.switch(&key::NO_STORE) {
            return StoreChoice::Off;
        }
        database
    }

    /// Where the job store is, for commands that need one. Never [`StoreChoice::Off`].
    pub fn database(&mut self) -> StoreChoice {
        let (origin, url) = self.value(&key::DATABASE_URL, database_url);
        let url = url.unwrap_or_else(|| key::DATABASE_URL.default.to_owned());
        if origin == Origin::Default {
            StoreChoice::Default(url)
        } else {
            StoreChoice::Configured(url)
        }
    }

    /// The field of a job's data that names its row.
    pub fn content_job_field(&mut self) -> String {
        let field = self.value(&key::CONTENT_JOB_FIELD, |text| {
            if text.is_empty() {
                return Err("must not be empty".into());
            }
            Ok(text.to_owned())
        });
        field
            .1
            .unwrap_or_else(|| key::CONTENT_JOB_FIELD.default.to_owned())
    }

    /// What to log, and how.
    pub fn log(&mut self) -> LogChoice {
        let format = self.value(&key::LOG_FORMAT, |text| match text {
            "json" => Ok(LogFormat::Json),
            "pretty" => Ok(LogFormat::Pretty),
            _ => Err(format!("`{text}` is not `json` or `pretty`")),
        });
        let filter = self.value(&key::LOG_LEVEL, str::parse::<LogFilter>);
        LogChoice {
            format: format.1,
            filter: filter.1.unwrap_or_default(),
        }
    }

    /// The start of every key, for commands other than the worker.
    pub fn prefix(&mut self) -> String {
        let prefix = self.value(&key::PREFIX, super::worker::prefix).1;
        prefix.unwrap_or_else(|| key::PREFIX.default.to_owned())
    }

    /// Where to answer HTTP, if anywhere.
    pub fn http(&mut self) -> Option<SocketAddr> {
        self.value(&key::HTTP, listen_address).1
    }

    /// Notes a fault that a command found by itself.
    pub fn fault(&mut self, text: &str) {
        self.faults.general(text);
    }

    /// Every setting that was read, or everything that is wrong.
    ///
    /// # Errors
    /// All faults, sorted.
    pub fn finish(self) -> Result<Vec<Entry>, Vec<Fault>> {
        if self.faults.is_empty() {
            Ok(self.entries)
        } else {
            Err(self.faults.into_sorted())
        }
    }

    /// A setting and where it came from; a fault counts as absent.
    pub(super) fn value<T>(
        &mut self,
        key: &Key,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> (Origin, Option<T>) {
        let Some((origin, text)) = self.sources.find(key, self.file.as_ref()) else {
            self.entry(&key.path(), key.default, Origin::Default);
            return (Origin::Default, None);
        };
        self.entry(&key.path(), &text, origin.clone());
        let value = parse(&text)
            .map_err(|error| self.complain(key, &origin, &error))
            .ok();
        (origin, value)
    }

    pub(super) fn complain(&mut self, key: &Key, origin: &Origin, error: &str) {
        match origin {
            Origin::File { .. } => self
                .faults
                .at(origin, &format!("`{}`: {error}", key.path())),
            _ => self.faults.at(origin, error),
        }
    }

    pub(super) fn entry(&mut self, path: &str, value: &str, origin: Origin) {
        self.entries.push(Entry {
            path: path.to_owned(),
            value: Redactor::new().clean(value).into_owned(),
            origin,
        });
    }

    pub(super) fn duration(
        &mut self,
        key: &Key,
        least: std::time::Duration,
    ) -> Option<std::time::Duration> {
        self.value(key, |text| {
            let value = duration(text)?;
            if value < least {
                return Err(format!(
                    "must be at least {}, got `{text}`",
                    duration_text(least)
                ));
            }
            Ok(value)
        })
        .1
    }

    pub(super) fn count(&mut self, key: &Key, least: u32) -> Option<u32> {
        self.value(key, |text| count(text, least)).1
    }

    pub(super) fn switch(&mut self, key: &Key) -> bool {
        self.value(key, switch).1.unwrap_or(false)
    }
}

/// An address to listen on; nothing is looked up.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let numbers = text.strip_prefix("localhost:").map_or_else(
        || text.to_owned(),
        |port| format!("{}:{port}", Ipv4Addr::LOCALHOST),
    );
    numbers.parse().map_err(|_| {
        format!("`{text}` is not an address to listen on; write `127.0.0.1:9400` or `[::1]:9400`")
    })
}

/// Checks the scheme; the rest is the database's to judge. Apps write `file:dev.db` too (Prisma).
fn database_url(text: &str) -> Result<String, String> {
    let known = ["postgres://", "postgresql://", "sqlite:", "file:"];
    if !text.contains("://") || known.iter().any(|scheme| text.starts_with(scheme)) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{text}` is no database that bullrs knows; write `postgres://host/name` or \
         `sqlite:jobs.db`, or set BULLRS_NO_STORE=true"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(variables: &[(&str, &str)]) -> Vec<String> {
        let mut sources = Sources::default();
        for (name, value) in variables {
            match name.strip_prefix("BULLRS_") {
                Some(key) => {
                    let origin = Origin::Environment((*name).into());
                    sources.given.set(&key.to_lowercase(), origin, value);
                }
                None => drop(sources.environment.insert((*name).into(), (*value).into())),
            }
        }
        let mut reader = Reader::new(&sources);
        let _redis = reader.redis();
        let faults = reader.finish().err().unwrap_or_default();
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn files_for_tls_need_tls_and_each_other() {
        let tls = ("REDIS_URL", "rediss://cache");
        let files = [
            ("BULLRS_REDIS_CERT", "c.pem"),
            ("BULLRS_REDIS_KEY", "k.pem"),
        ];
        let ca = ("BULLRS_REDIS_CA", "ca.pem");
        let no_tls = "is for TLS, but the URL of redis asks for none; write `rediss://`";
        for (variables, expected) in [
            (vec![tls, ca, files[0], files[1]], vec![]),
            (vec![ca], vec![format!("BULLRS_REDIS_CA: {no_tls}")]),
            (
                vec![files[0], files[1]],
                vec![format!("BULLRS_REDIS_CERT: {no_tls}")],
            ),
            (
                vec![tls, files[0]],
                vec!["BULLRS_REDIS_CERT: needs its key: set BULLRS_REDIS_KEY too".into()],
            ),
            (
                vec![tls, files[1]],
                vec![
                    "BULLRS_REDIS_KEY: belongs to a certificate: set BULLRS_REDIS_CERT too".into(),
                ],
            ),
        ] {
            assert_eq!(faults(&variables), expected);
        }
    }
}
