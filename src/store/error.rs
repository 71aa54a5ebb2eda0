//! What can go wrong with the database, by what a caller can do about it.

/// What the store's calls return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong in a call of the store. Never has a password, a payload or a result in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database URL does not read.
    #[error("`DATABASE_URL` {0}")]
    Url(String),
    /// The database gave no answer: not there, not yet up, or not in time.
    #[error("cannot reach the database at {place}: {reason} (in {operation})")]
    Unreachable {
        /// What was being done.
        operation: &'static str,
        /// Host, port and name, or the file; never the password.
        place: String,
        /// What the connection or the server said.
        reason: String,
    },
    /// A value breaks a rule of the table and never can be stored there.
    #[error("the database refused the values: {reason} (in {operation})")]
    Refused {
        /// What was being done.
        operation: &'static str,
        /// What the server said, with its code.
        reason: String,
    },
    /// The database answered with any other error.
    #[error("the database failed: {reason} (in {operation})")]
    Database {
        /// What was being done.
        operation: &'static str,
        /// What the server said, with its code.
        reason: String,
    },
    /// The tables are not there; they have to be made first.
    #[error("the database has no table `{0}`; `bullrs migrate` makes it")]
    NotMigrated(&'static str),
    /// Tables that an app made lack something that bullrs needs; each fault says what and how to
    /// mend it.
    #[error("{}", .0.join("; "))]
    Schema(Vec<String>),
    /// A page cursor that this store did not give out.
    #[error("the cursor is not one that this store gave out")]
    Cursor,
    /// A row holds something that does not read as what it should be.
    #[error("cannot read {what}: {reason}")]
    Decode {
        /// Which column, and of what.
        what: String,
        /// What is wrong.
        reason: String,
    },
}

impl Error {
    /// Whether the same call may succeed later without the caller changing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Database { .. })
    }

    /// Whether the values themselves are the reason, so that trying again is useless.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

/// Sorts a driver's error by what can be done about it.
pub(super) fn sort(operation: &'static str, place: &str, error: &sqlx::Error) -> Error {
    let unreachable = |reason: String| Error::Unreachable {
        operation,
        place: place.to_owned(),
        reason,
    };
    let sqlx::Error::Database(answer) = error else {
        return match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => unreachable(error.to_string()),
            _ => Error::Database {
                operation,
                reason: error.to_string(),
            },
        };
    };
    let code = answer.code().unwrap_or_default().into_owned();
    // Only the message: a server's detail line quotes whole rows.
    let reason = format!("{} (code {code})", answer.message());
    if answer.as_error().is::<sqlx::postgres::PgDatabaseError>() {
        sort_postgres(operation, &code, reason, unreachable)
    } else {
        sort_sqlite(operation, &code, reason, unreachable)
    }
}

fn sort_postgres(
    operation: &'static str,
    code: &str,
    reason: String,
    unreachable: impl FnOnce(String) -> Error,
) -> Error {
    match (code.get(..2).unwrap_or_default(), code) {
        // Connection lost, out of resources, shutting down or starting, a read-only standby, bad
        // credentials, no such database.
        ("08" | "53" | "57" | "58" | "28" | "3D", _) | (_, "25006") => unreachable(reason),
        ("22" | "23" | "54", _) => Error::Refused { operation, reason },
        _ => Error::Database { operation, reason },
    }
}

fn sort_sqlite(
    operation: &'static str,
    code: &str,
    reason: String,
    unreachable: impl FnOnce(String) -> Error,
) -> Error {
    // The low byte is the primary code: BUSY 5, LOCKED 6, READONLY 8, IOERR 10, FULL 13,
    // CANTOPEN 14, PROTOCOL 15; TOOBIG 18, CONSTRAINT 19, MISMATCH 20, RANGE 25.
    match code.parse::<u32>().unwrap_or_default() & 0xff {
        5 | 6 | 8 | 10 | 13 | 14 | 15 => unreachable(reason),
        18 | 19 | 20 | 25 => Error::Refused { operation, reason },
        _ => Error::Database { operation, reason },
    }
}
