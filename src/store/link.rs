//! One way to speak to both databases: text with `$1` parameters in, rows of texts and integers out.

use std::{borrow::Cow, sync::Arc};

use serde::Serialize;
use sqlx::{
    AssertSqlSafe, Column as _, Executor as _, Postgres, Row as _, Sqlite, TypeInfo as _,
    ValueRef as _,
    postgres::{PgArguments, PgConnection, PgRow},
    query::Query,
    sqlite::{SqliteArguments, SqliteConnection, SqliteRow},
};

use super::lane::Held;

/// A connection in use.
pub(super) enum Link {
    Postgres(Held<PgConnection>),
    Sqlite(Held<SqliteConnection>),
}

/// A value to bind. A null still has a type, for arrays and casts.
#[derive(Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Arg<'a> {
    Text(Option<Cow<'a, str>>),
    Int(Option<i64>),
}

impl<'a> Arg<'a> {
    pub(super) fn text(text: &'a str) -> Self {
        Self::Text(Some(without_nul(text)))
    }

    pub(super) fn maybe_text(text: Option<&'a str>) -> Self {
        Self::Text(text.map(without_nul))
    }

    pub(super) fn count(count: u32) -> Self {
        // The columns are 32-bit integers; JavaScript's "for ever" must not overflow them.
        Self::Int(Some(i64::from(count).min(i64::from(i32::MAX))))
    }
}

impl From<i64> for Arg<'_> {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

/// Postgres has no text with a NUL in it; both databases store the same, so neither gets one.
fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A value that was read.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Null,
    Int(i64),
    Text(String),
}

/// The values of one row.
pub(super) type Row = Vec<Cell>;

impl Link {
    /// Runs a statement without parameters, such as `begin`.
    pub(super) async fn plain(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(conn) => conn.execute(sql).await.map(drop),
            Self::Sqlite(conn) => conn.execute(sql).await.map(drop),
        }
    }

    /// Begins a transaction; SQLite's takes the write lock at once, so that it cannot fail later.
    pub(super) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(_) => self.plain("begin").await,
            Self::Sqlite(_) => self.plain("begin immediate").await,
        }
    }

    /// Runs a statement and says how many rows it changed.
    pub(super) async fn execute(
        &mut self,
        sql: &Arc<str>,
        args: &[Arg<'_>],
    ) -> Result<u64, sqlx::Error> {
        match self {
            Self::Postgres(conn) => {
                let done = postgres_query(sql, args).execute(&mut **conn).await?;
                Ok(done.rows_affected())
            }
            Self::Sqlite(conn) => {
                let done = sqlite_query(sql, args).execute(&mut **conn).await?;
                Ok(done.rows_affected())
            }
        }
    }

    /// Runs a statement and reads what it returns.
    pub(super) async fn rows(
        &mut self,
        sql: &Arc<str>,
        args: &[Arg<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Postgres(conn) => postgres_query(sql, args)
                .fetch_all(&mut **conn)
                .await?
                .iter()
                .map(postgres_row)
                .collect(),
            Self::Sqlite(conn) => sqlite_query(sql, args)
                .fetch_all(&mut **conn)
                .await?
                .iter()
                .map(sqlite_row)
                .collect(),
        }
    }

    /// Runs a statement over a `{set}` of rows, however many, in one round trip.
    pub(super) async fn execute_set(
        &mut self,
        sql: &Arc<str>,
        set: &[Vec<Arg<'_>>],
    ) -> Result<u64, sqlx::Error> {
        match self {
            Self::Postgres(conn) => {
                let done = postgres_set_query(sql, set).execute(&mut **conn).await?;
                Ok(done.rows_affected())
            }
            Self::Sqlite(_) => self.execute(sql, &[json_set(set)?]).await,
        }
    }

    /// As [`execute_set`](Self::execute_set), reading what the statement returns.
    pub(super) async fn rows_set(
        &mut self,
        sql: &Arc<str>,
        set: &[Vec<Arg<'_>>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Postgres(conn) => postgres_set_query(sql, set)
                .fetch_all(&mut **conn)
                .await?
                .iter()
                .map(postgres_row)
                .collect(),
            Self::Sqlite(_) => self.rows(sql, &[json_set(set)?]).await,
        }
    }

    /// Gives the connection back for others to use.
    pub(super) fn keep(self) {
        match self {
            Self::Postgres(held) => held.keep(),
            Self::Sqlite(held) => held.keep(),
        }
    }
}

// The texts come from `sql.rs`, filled only with type names that Postgres itself quoted.
fn postgres_query<'q>(sql: &Arc<str>, args: &'q [Arg<'q>]) -> Query<'q, Postgres, PgArguments> {
    let query = sqlx::query(AssertSqlSafe(Arc::clone(sql)));
    args.iter().fold(query, |query, arg| match arg {
        Arg::Text(text) => query.bind(text.as_deref()),
        Arg::Int(number) => query.bind(*number),
    })
}

fn sqlite_query<'q>(sql: &Arc<str>, args: &'q [Arg<'q>]) -> Query<'q, Sqlite, SqliteArguments> {
    let query = sqlx::query(AssertSqlSafe(Arc::clone(sql)));
    args.iter().fold(query, |query, arg| match arg {
        Arg::Text(text) => query.bind(text.as_deref()),
        Arg::Int(number) => query.bind(*number),
    })
}

/// The rows as one JSON text, which SQLite takes apart again.
fn json_set(set: &[Vec<Arg<'_>>]) -> Result<Arg<'static>, sqlx::Error> {
    let text = serde_json::to_string(set).map_err(|error| sqlx::Error::Encode(error.into()))?;
    Ok(Arg::Text(Some(text.into())))
}

/// Binds the rows column by column, as one array each.
fn postgres_set_query<'q>(
    sql: &Arc<str>,
    set: &'q [Vec<Arg<'q>>],
) -> Query<'q, Postgres, PgArguments> {
    let mut query = sqlx::query(AssertSqlSafe(Arc::clone(sql)));
    let width = set.first().map_or(0, Vec::len);
    for column in 0..width {
        let values = || set.iter().filter_map(move |row| row.get(column));
        query = if matches!(values().next(), Some(Arg::Int(_))) {
            query.bind(
                values()
                    .map(|arg| match arg {
                        Arg::Int(number) => *number,
                        Arg::Text(_) => None,
                    })
                    .collect::<Vec<Option<i64>>>(),
            )
        } else {
            query.bind(
                values()
                    .map(|arg| match arg {
                        Arg::Text(text) => text.as_deref(),
                        Arg::Int(_) => None,
                    })
                    .collect::<Vec<Option<&str>>>(),
            )
        };
    }
    query
}

fn postgres_row(row: &PgRow) -> Result<Row, sqlx::Error> {
    row.columns()
        .iter()
        .enumerate()
        .map(|(index, column)| {
            if column.type_info().name() == "INT8" {
                let number: Option<i64> = row.try_get(index)?;
                Ok(number.map_or(Cell::Null, Cell::Int))
            } else {
                let text: Option<String> = row.try_get(index)?;
                Ok(text.map_or(Cell::Null, Cell::Text))
            }
        })
        .collect()
}

fn sqlite_row(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    (0..row.len())
        .map(|index| {
            let value = row.try_get_raw(index)?;
            if value.is_null() {
                return Ok(Cell::Null);
            }
            match value.type_info().name() {
                "INTEGER" => row.try_get(index).map(Cell::Int),
                _ => row.try_get_unchecked(index).map(Cell::Text),
            }
        })
        .collect()
}
