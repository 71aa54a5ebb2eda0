//! The store's handle: connections, statements, and the single writes.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use sqlx::{postgres::PgConnection, sqlite::SqliteConnection};

use super::{
    Error, NewJob, Result, error,
    lane::{Lane, in_time},
    link::{Arg, Link, Row},
    location::{Kind, Location},
    sql::Statements,
};

/// How long one statement may take before the database counts as away.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Connections of one process to Postgres, and of its readers to SQLite.
const MOST_CONNECTIONS: usize = 4;

/// The `content_jobs` and `job_events` of a Postgres or SQLite database. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    location: Location,
    lanes: Lanes,
    statements: RwLock<Option<Arc<Statements>>>,
}

pub(super) enum Lanes {
    Postgres(Lane<PgConnection>),
    /// SQLite has one writer at a time; waiting for it here is fairer than its own polling.
    Sqlite {
        write: Lane<SqliteConnection>,
        read: Lane<SqliteConnection>,
    },
}

/// What a statement does to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

impl Store {
    /// Connects, and brings the tables up to date.
    ///
    /// # Errors
    /// As [`connect`](Self::connect) and [`migrate`](Self::migrate).
    pub async fn open(url: &str) -> Result<Self> {
        let store = Self::connect(url).await?;
        store.migrate().await?;
        Ok(store)
    }

    /// Connects to `postgres://…`, `sqlite:FILE`, `file:FILE` or a plain path; a SQLite file is
    /// made when it is not there. The tables are left as they are.
    ///
    /// # Errors
    /// [`Error::Url`], or [`Error::Unreachable`] with what the server or system said.
    pub async fn connect(url: &str) -> Result<Self> {
        let location = Location::parse(url)?;
        let lanes = match &location.kind {
            Kind::Postgres(options) => {
                Lanes::Postgres(Lane::new(options.as_ref().clone(), MOST_CONNECTIONS))
            }
            Kind::Sqlite(options) => Lanes::Sqlite {
                write: Lane::new(options.as_ref().clone(), 1),
                read: Lane::new(options.as_ref().clone(), MOST_CONNECTIONS),
            },
        };
        let store = Self(Arc::new(Inner {
            location,
            lanes,
            statements: RwLock::new(None),
        }));
        store.link("connecting", Access::Write).await?.keep();
        Ok(store)
    }

    /// Where the database is, without credentials.
    pub fn place(&self) -> String {
        self.0.location.to_string()
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when it does not.
    pub async fn ping(&self) -> Result<()> {
        let operation = "asking for a sign of life";
        let mut link = self.link(operation, Access::Read).await?;
        in_time("no answer", ANSWER_WITHIN, link.plain("select 1"))
            .await
            .map_err(|error| self.fail(operation, &error))?;
        link.keep();
        Ok(())
    }

    /// Closes the connections that idle; those in use close when they are done.
    pub async fn close(&self) {
        match &self.0.lanes {
            Lanes::Postgres(lane) => lane.close().await,
            Lanes::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
        }
    }

    /// Makes a `pending` row as an app would. `false` when the id is taken.
    ///
    /// # Errors
    /// When the database is away or refuses the values.
    pub async fn insert(&self, job: &NewJob) -> Result<bool> {
        let args = [
            Arg::text(&job.id),
            Arg::text(&job.queue),
            Arg::text(&job.name),
            Arg::maybe_text(job.payload.as_deref()),
            Arg::count(job.max_attempts),
            job.at.into(),
        ];
        self.write_one("inserting a job", |sql| &sql.insert, &args)
            .await
    }

    /// Notes that a `pending` row was enqueued as `job_id`. `false` when it was not pending: the
    /// worker may be further already, and then its status stands.
    ///
    /// # Errors
    /// When the database is away or refuses the values.
    pub async fn queued(
        &self,
        id: &str,
        queue: &str,
        name: &str,
        job_id: &str,
        at: i64,
    ) -> Result<bool> {
        let args = [
            Arg::text(id),
            Arg::text(queue),
            Arg::text(name),
            Arg::text(job_id),
            at.into(),
        ];
        self.write_one("noting a job as queued", |sql| &sql.queued, &args)
            .await
    }

    /// Puts a row that ended before `at` back to `queued`, for a job that is retried on request.
    /// `at` is the time of the request, before Redis was told: the job may run, and end anew,
    /// before this write. `false` when the row had not ended by then.
    ///
    /// # Errors
    /// When the database is away or refuses the values.
    pub async fn retried(&self, id: &str, at: i64) -> Result<bool> {
        let args = [Arg::text(id), at.into()];
        self.write_one("noting a job as retried", |sql| &sql.retried, &args)
            .await
    }

    /// Cancels a row whose job does not run. `false` when it runs (its worker will say how it
    /// ended) or had ended.
    ///
    /// # Errors
    /// When the database is away or refuses the values.
    pub async fn cancelled(&self, id: &str, reason: &str, at: i64) -> Result<bool> {
        let args = [Arg::text(id), Arg::text(reason), at.into()];
        self.write_one("noting a job as cancelled", |sql| &sql.cancelled, &args)
            .await
    }

    pub(super) async fn write_one(
        &self,
        operation: &'static str,
        sql: impl Fn(&Statements) -> &Arc<str>,
        args: &[Arg<'_>],
    ) -> Result<bool> {
        let mut session = self.session(operation, Access::Write).await?;
        let statements = session.statements();
        let changed = session.execute(sql(&statements), args).await?;
        session.end();
        Ok(changed > 0)
    }

    /// A connection with the statements that suit the tables.
    pub(super) async fn session(
        &self,
        operation: &'static str,
        access: Access,
    ) -> Result<Session<'_>> {
        let mut link = self.link(operation, access).await?;
        let known = self.known_statements();
        let statements = match known {
            Some(statements) => statements,
            None => self.learn(&mut link, operation).await?,
        };
        Ok(Session {
            store: self,
            link,
            statements,
            operation,
        })
    }

    pub(super) async fn link(&self, operation: &'static str, access: Access) -> Result<Link> {
        let link = match (&self.0.lanes, access) {
            (Lanes::Postgres(lane), _) => lane.take().await.map(Link::Postgres),
            (Lanes::Sqlite { write, .. }, Access::Write) => write.take().await.map(Link::Sqlite),
            (Lanes::Sqlite { read, .. }, Access::Read) => read.take().await.map(Link::Sqlite),
        };
        link.map_err(|error| self.fail(operation, &error))
    }

    fn known_statements(&self) -> Option<Arc<Statements>> {
        let known = self.0.statements.read();
        known.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn remember(&self, statements: Option<Arc<Statements>>) {
        let mut known = self
            .0
            .statements
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *known = statements;
    }

    /// Sorts an error. One that may come from tables that were altered makes us look again.
    pub(super) fn fail(&self, operation: &'static str, error: &sqlx::Error) -> Error {
        let error = error::sort(operation, &self.0.location.to_string(), error);
        if !matches!(error, Error::Unreachable { .. }) {
            self.remember(None);
        }
        error
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.0.location)
    }
}

/// A connection in use by one operation. Unless it is ended, the connection is closed, and with it
/// whatever transaction was open.
pub(super) struct Session<'s> {
    store: &'s Store,
    link: Link,
    statements: Arc<Statements>,
    operation: &'static str,
}

impl Session<'_> {
    pub(super) fn statements(&self) -> Arc<Statements> {
        Arc::clone(&self.statements)
    }

    pub(super) async fn begin(&mut self) -> Result<()> {
        let done = in_time("no answer", ANSWER_WITHIN, self.link.begin()).await;
        done.map_err(|error| self.store.fail(self.operation, &error))
    }

    pub(super) async fn commit(&mut self) -> Result<()> {
        let done = in_time("no answer", ANSWER_WITHIN, self.link.plain("commit")).await;
        done.map_err(|error| self.store.fail(self.operation, &error))
    }

    pub(super) async fn execute(&mut self, sql: &Arc<str>, args: &[Arg<'_>]) -> Result<u64> {
        let done = in_time("no answer", ANSWER_WITHIN, self.link.execute(sql, args)).await;
        done.map_err(|error| self.store.fail(self.operation, &error))
    }

    pub(super) async fn rows(&mut self, sql: &Arc<str>, args: &[Arg<'_>]) -> Result<Vec<Row>> {
        let rows = in_time("no answer", ANSWER_WITHIN, self.link.rows(sql, args)).await;
        rows.map_err(|error| self.store.fail(self.operation, &error))
    }

    pub(super) async fn execute_set(
        &mut self,
        sql: &Arc<str>,
        set: &[Vec<Arg<'_>>],
    ) -> Result<u64> {
        if set.is_empty() {
            return Ok(0);
        }
        let done = in_time("no answer", ANSWER_WITHIN, self.link.execute_set(sql, set)).await;
        done.map_err(|error| self.store.fail(self.operation, &error))
    }

    pub(super) async fn rows_set(
        &mut self,
        sql: &Arc<str>,
        set: &[Vec<Arg<'_>>],
    ) -> Result<Vec<Row>> {
        if set.is_empty() {
            return Ok(Vec::new());
        }
        let rows = in_time("no answer", ANSWER_WITHIN, self.link.rows_set(sql, set)).await;
        rows.map_err(|error| self.store.fail(self.operation, &error))
    }

    pub(super) fn end(self) {
        self.link.keep();
    }
}
