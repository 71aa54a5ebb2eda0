//! Where the database is: reads `DATABASE_URL` in the forms that apps write, keeps its password out
//! of every message.

use std::{fmt, str::FromStr as _, time::Duration};

use sqlx::{
    ConnectOptions as _,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{Error, Result};

/// How long a writer of SQLite waits for another process' write.
const BUSY_FOR: Duration = Duration::from_secs(5);

/// Parameters of a Postgres URL that the driver knows; Prisma and others add their own.
const POSTGRES_PARAMETERS: &[&str] = &[
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// A database to connect to. `Debug` and `Display` show the place without the credentials.
pub(super) struct Location {
    pub(super) kind: Kind,
    label: String,
}

pub(super) enum Kind {
    Postgres(Box<PgConnectOptions>),
    Sqlite(Box<SqliteConnectOptions>),
}

impl Location {
    /// Reads `postgres://`, `postgresql://`, `sqlite:`, `file:` or a plain path.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Error::Url("is empty".into()));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return postgres(text);
        }
        for scheme in ["sqlite://", "sqlite:", "file://", "file:"] {
            if let Some(rest) = text.strip_prefix(scheme) {
                return sqlite(rest, true);
            }
        }
        if let Some((scheme, _)) = text.split_once("://") {
            // Only the scheme is quoted: the rest may hold a password.
            return Err(Error::Url(format!(
                "has the scheme `{}`; use `postgres://...` or `sqlite:FILE`",
                scheme.chars().take(20).collect::<String>()
            )));
        }
        sqlite(text, false)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({})", self.label)
    }
}

fn postgres(text: &str) -> Result<Location> {
    let (base, query) = text.split_once('?').unwrap_or((text, ""));
    let mut kept = Vec::new();
    let mut schema = None;
    let mut pooled = false;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match name {
            // Prisma's names for the search path and for a pooler that cannot keep statements.
            "schema" if !value.is_empty() => schema = Some(value),
            "pgbouncer" => pooled = value == "true",
            _ if POSTGRES_PARAMETERS.contains(&name) || name.starts_with("options[") => {
                kept.push(pair);
            }
            // The driver would log what it does not know, with the value.
            _ => tracing::debug!(parameter = name, "ignored in `DATABASE_URL`"),
        }
    }
    let url = format!("{base}?{}", kept.join("&"));
    let mut options = PgConnectOptions::from_str(&url)
        .map_err(|error| Error::Url(format!("does not read: {}", hide(&error.to_string(), base))))?
        .disable_statement_logging();
    if let Some(schema) = schema {
        options = options.options([("search_path", schema)]);
    }
    if pooled {
        options = options.statement_cache_capacity(0);
    }
    if options.get_application_name().is_none() {
        options = options.application_name("bullrs");
    }
    let host = options.get_socket().map_or_else(
        || options.get_host().to_owned(),
        |socket| socket.display().to_string(),
    );
    let database = options
        .get_database()
        .unwrap_or_else(|| options.get_username());
    let label = format!("postgres://{host}:{}/{database}", options.get_port());
    Ok(Location {
        kind: Kind::Postgres(Box::new(options)),
        label,
    })
}

/// Takes what stands between the scheme and the host out of a message.
fn hide(message: &str, base: &str) -> String {
    let authority = base.split_once("://").map_or(base, |(_, rest)| rest);
    match authority.rsplit_once('@') {
        Some((credentials, _)) if !credentials.is_empty() => message.replace(credentials, "***"),
        _ => message.to_owned(),
    }
}

fn sqlite(text: &str, is_url: bool) -> Result<Location> {
    let file = if is_url {
        text.split_once('?').map_or(text, |(file, _)| file)
    } else {
        text
    };
    if file.is_empty() || file == ":memory:" || text.contains("mode=memory") {
        return Err(Error::Url(
            "names no file; a database in memory would not outlive the process".into(),
        ));
    }
    let options = if is_url {
        SqliteConnectOptions::from_str(&format!("sqlite:{file}"))
            .map_err(|error| Error::Url(format!("does not read: {error}")))?
    } else {
        SqliteConnectOptions::new().filename(file)
    };
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(BUSY_FOR)
        .foreign_keys(true)
        .disable_statement_logging();
    let label = format!("sqlite:{}", options.get_filename().display());
    Ok(Location {
        kind: Kind::Sqlite(Box::new(options)),
        label,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_url_is_read_and_shown_without_its_password() {
        for (url, shown) in [
            (
                "postgres://app:s3cret@db:6432/jobs?sslmode=disable&connection_limit=5",
                "postgres://db:6432/jobs",
            ),
            (
                "postgresql://app:s3cret@db/jobs?schema=app&pgbouncer=true&sslpassword=s3cret",
                "postgres://db:5432/jobs",
            ),
            (
                "postgres://app@%2Frun%2Fpg/jobs",
                "postgres:///run/pg:5432/jobs",
            ),
            ("sqlite:jobs.db", "sqlite:jobs.db"),
            ("sqlite://data/jobs.db?mode=rwc", "sqlite:data/jobs.db"),
            ("sqlite:///var/jobs.db", "sqlite:/var/jobs.db"),
            ("file:./dev.db?connection_limit=1", "sqlite:./dev.db"),
            ("data/what?.db", "sqlite:data/what?.db"),
        ] {
            let location = Location::parse(url).unwrap();
            assert_eq!(location.to_string(), shown);
            assert_eq!(format!("{location:?}"), format!("Location({shown})"));
        }
    }

    #[test]
    fn prismas_schema_becomes_the_search_path() {
        let location = Location::parse("postgres://db/jobs?schema=app").unwrap();
        let Kind::Postgres(options) = location.kind else {
            panic!("not postgres");
        };
        assert_eq!(options.get_options(), Some("-c search_path=app"));
    }

    #[test]
    fn a_url_that_does_not_read_is_refused_without_its_password() {
        for (url, message) in [
            ("  ", "`DATABASE_URL` is empty"),
            (
                "mysql://app:s3cret@db/jobs",
                "`DATABASE_URL` has the scheme `mysql`; use `postgres://...` or `sqlite:FILE`",
            ),
            (
                "postgres://app:s3cret@db:port/jobs",
                "`DATABASE_URL` does not read: error with configuration: invalid port number",
            ),
            (
                "sqlite::memory:",
                "`DATABASE_URL` names no file; a database in memory would not outlive the process",
            ),
        ] {
            assert_eq!(Location::parse(url).unwrap_err().to_string(), message);
        }
    }
}
