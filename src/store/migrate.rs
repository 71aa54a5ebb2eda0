//! Makes the tables, beside those that an app may have made itself.

use std::sync::Arc;

use sqlx::{
    Connection as _, SqlStr,
    migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator},
    postgres::PgConnection,
    sqlite::SqliteConnection,
};

use super::{
    Error, Result, Store,
    columns::{Columns, Dialect, Found},
    database::Access,
    link::{Cell, Link},
    sql::Statements,
};

/// Ours alone, so that an app's own migration tool and ours never meet.
const BOOKKEEPING: &str = "_bullrs_migrations";

/// Any number that nobody else locks; the letters of `bullrs`.
const LOCK: i64 = 0x62_75_6c_6c_72_73;

macro_rules! migrations {
    ($dialect:literal: $(($number:literal, $file:literal)),+ $(,)?) => {
        [$((
            $number,
            $file,
            include_str!(concat!("../../migrations/", $dialect, "/", $file, ".sql")),
        )),+]
    };
}

const POSTGRES: [(i64, &str, &str); 4] = migrations!("postgres":
    (1, "0001_content_jobs"),
    (2, "0002_job_events"),
    (3, "0003_late_queued"),
    (4, "0004_touched"),
);
const SQLITE: [(i64, &str, &str); 4] = migrations!("sqlite":
    (1, "0001_content_jobs"),
    (2, "0002_job_events"),
    (3, "0003_late_queued"),
    (4, "0004_touched"),
);
/// The migration that makes the trigger; it may run again.
const TRIGGER: i64 = 3;

const APPLIED: &str = "select version from _bullrs_migrations order by version";

/// Whether the trigger of `0003_late_queued` is there. It goes with the table when an app's migration
/// makes the table anew, as is usual with SQLite.
const POSTGRES_TRIGGER: &str = "
select 1::bigint
from pg_trigger
where tgrelid = to_regclass('content_jobs')
  and tgname = 'bullrs_late_queued'";
const SQLITE_TRIGGER: &str = "
select 1
from sqlite_master
where type = 'trigger'
  and name = 'bullrs_late_queued'";

const POSTGRES_COLUMNS: &str = "
select a.attname::text,
       format_type(a.atttypid, a.atttypmod),
       format_type(a.atttypid, null),
       t.typcategory::text,
       coalesce((select string_agg(e.enumlabel::text, ',' order by e.enumsortorder)
                 from pg_enum as e
                 where e.enumtypid = t.oid), '')
from pg_attribute as a
join pg_type as t on t.oid = a.atttypid
where a.attrelid = to_regclass($1)
  and a.attnum > 0
  and not a.attisdropped";

const SQLITE_COLUMNS: &str = "
select name, type, type, '', ''
from pragma_table_info($1)";

impl Store {
    /// Brings the tables up to date and returns the names of the migrations that were applied.
    /// Several processes may do so at once; one works, the others wait.
    ///
    /// # Errors
    /// [`Error::Schema`] when a table that an app made lacks something, before anything is
    /// changed; else as the database answers.
    ///
    /// A trigger that went with a table that the app made anew is made again.
    pub async fn migrate(&self) -> Result<Vec<&'static str>> {
        let operation = "migrating";
        let mut link = self.link(operation, Access::Write).await?;
        let fail = |error: &sqlx::Error| self.fail(operation, error);
        let files = match &link {
            Link::Postgres(_) => POSTGRES,
            Link::Sqlite(_) => SQLITE,
        };
        let before = applied(&mut link).await.map_err(|error| fail(&error))?;
        let mut done = Vec::new();
        if files.iter().any(|(number, ..)| !before.contains(number)) {
            // What is wrong is said before anything is changed, in one message.
            inspect(&mut link)
                .await
                .map_err(|error| fail(&error))?
                .faults()?;
            let migrator = migrator(&files);
            let result = match &mut link {
                Link::Postgres(conn) => migrate_postgres(&mut *conn, &migrator).await,
                Link::Sqlite(conn) => migrate_sqlite(&mut *conn, &migrator).await,
            };
            done = match result {
                Ok(numbers) => numbers,
                Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => {
                    return Err(fail(&error));
                }
                Err(error) => {
                    return Err(Error::Database {
                        operation,
                        reason: error.to_string(),
                    });
                }
            };
        }
        self.learn(&mut link, operation).await?;
        mend_trigger(&mut link, &files)
            .await
            .map_err(|error| fail(&error))?;
        link.keep();
        Ok(files
            .iter()
            .filter(|(number, ..)| done.contains(number))
            .map(|(_, name, _)| *name)
            .collect())
    }

    /// Checks that the tables are there and have every column in a type that will do.
    ///
    /// # Errors
    /// [`Error::NotMigrated`] or [`Error::Schema`].
    pub async fn verify(&self) -> Result<()> {
        let operation = "checking the tables";
        let mut link = self.link(operation, Access::Read).await?;
        self.learn(&mut link, operation).await?;
        link.keep();
        Ok(())
    }

    /// Fills the statements for the tables as they are now.
    pub(super) async fn learn(
        &self,
        link: &mut Link,
        operation: &'static str,
    ) -> Result<Arc<Statements>> {
        let tables = inspect(link)
            .await
            .map_err(|error| self.fail(operation, &error))?;
        let statements = Arc::new(tables.statements()?);
        self.remember(Some(Arc::clone(&statements)));
        Ok(statements)
    }
}

/// The two tables as the database has them; without columns where there is no table.
struct Tables {
    dialect: Dialect,
    jobs: Vec<Found>,
    events: Vec<Found>,
}

impl Tables {
    /// What tables that exist lack.
    fn faults(&self) -> Result<()> {
        let mut faults = Vec::new();
        if !self.jobs.is_empty() {
            faults.extend(Columns::content_jobs(self.dialect, &self.jobs).err());
        }
        if !self.events.is_empty() {
            faults.extend(Columns::job_events(self.dialect, &self.events).err());
        }
        if faults.is_empty() {
            return Ok(());
        }
        Err(Error::Schema(faults.concat()))
    }

    fn statements(&self) -> Result<Statements> {
        self.faults()?;
        for (table, columns) in [("content_jobs", &self.jobs), ("job_events", &self.events)] {
            if columns.is_empty() {
                return Err(Error::NotMigrated(table));
            }
        }
        let jobs = Columns::content_jobs(self.dialect, &self.jobs).map_err(Error::Schema)?;
        let events = Columns::job_events(self.dialect, &self.events).map_err(Error::Schema)?;
        Ok(Statements::new(&jobs, &events))
    }
}

async fn inspect(link: &mut Link) -> Result<Tables, sqlx::Error> {
    let dialect = match link {
        Link::Postgres(_) => Dialect::Postgres,
        Link::Sqlite(_) => Dialect::Sqlite,
    };
    Ok(Tables {
        dialect,
        jobs: columns_of(link, "content_jobs").await?,
        events: columns_of(link, "job_events").await?,
    })
}

async fn columns_of(link: &mut Link, table: &str) -> Result<Vec<Found>, sqlx::Error> {
    let sql = match link {
        Link::Postgres(_) => POSTGRES_COLUMNS,
        Link::Sqlite(_) => SQLITE_COLUMNS,
    };
    let rows = link
        .rows(&sql.into(), &[super::link::Arg::text(table)])
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let mut cells = row.into_iter().map(|cell| match cell {
                Cell::Text(text) => text,
                Cell::Int(_) | Cell::Null => String::new(),
            });
            let mut next = || cells.next().unwrap_or_default();
            Found {
                name: next(),
                full_type: next(),
                bare_type: next(),
                category: next(),
                labels: next(),
            }
        })
        .collect())
}

/// The numbers of the migrations that were applied.
async fn applied(link: &mut Link) -> Result<Vec<i64>, sqlx::Error> {
    if columns_of(link, BOOKKEEPING).await?.is_empty() {
        return Ok(Vec::new());
    }
    let rows = link.rows(&APPLIED.into(), &[]).await?;
    Ok(rows
        .iter()
        .filter_map(|row| match row.first() {
            Some(Cell::Int(number)) => Some(*number),
            _ => None,
        })
        .collect())
}

async fn mend_trigger(
    link: &mut Link,
    files: &[(i64, &'static str, &'static str)],
) -> Result<(), sqlx::Error> {
    let there = match link {
        Link::Postgres(_) => POSTGRES_TRIGGER,
        Link::Sqlite(_) => SQLITE_TRIGGER,
    };
    if !link.rows(&there.into(), &[]).await?.is_empty() {
        return Ok(());
    }
    for (_, _, sql) in files.iter().filter(|(number, ..)| *number == TRIGGER) {
        link.begin().await?;
        if let Link::Postgres(conn) = link {
            lock(conn).await?;
        }
        link.plain(sql).await?;
        link.plain("commit").await?;
    }
    Ok(())
}

fn migrator(files: &[(i64, &'static str, &'static str)]) -> Migrator {
    let mut migrator = Migrator::with_migrations(
        files
            .iter()
            .map(|(number, name, sql)| {
                let description = name.split_once('_').map_or(*name, |(_, rest)| rest);
                Migration::new(
                    *number,
                    description.into(),
                    MigrationType::Simple,
                    SqlStr::from_static(sql),
                    false,
                )
            })
            .collect(),
    );
    migrator.dangerous_set_table_name(BOOKKEEPING);
    // A newer bullrs may have been here; what it adds does not hurt us.
    migrator.set_ignore_missing(true);
    // Its lock belongs to a session, which a pooler may take away between two statements.
    migrator.set_locking(false);
    migrator
}

async fn migrate_postgres(
    conn: &mut PgConnection,
    migrator: &Migrator,
) -> Result<Vec<i64>, MigrateError> {
    let mut tx = conn.begin().await?;
    lock(&mut tx).await?;
    let done = run(&mut *tx, migrator).await?;
    tx.commit().await?;
    Ok(done)
}

/// Holds everybody else off until the transaction ends.
async fn lock(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *conn)
        .await?;
    // Otherwise each `if not exists` is a notice in the log.
    sqlx::query("set local client_min_messages = warning")
        .execute(&mut *conn)
        .await?;
    Ok(())
}

async fn migrate_sqlite(
    conn: &mut SqliteConnection,
    migrator: &Migrator,
) -> Result<Vec<i64>, MigrateError> {
    let mut tx = conn.begin_with("begin immediate").await?;
    let done = run(&mut *tx, migrator).await?;
    tx.commit().await?;
    Ok(done)
}

/// Applies what is missing, now that nobody else does, and says what that was.
async fn run<C: Migrate>(conn: &mut C, migrator: &Migrator) -> Result<Vec<i64>, MigrateError> {
    conn.ensure_migrations_table(BOOKKEEPING).await?;
    let before: Vec<i64> = conn
        .list_applied_migrations(BOOKKEEPING)
        .await?
        .iter()
        .map(|migration| migration.version)
        .collect();
    migrator.run_direct(None, conn, false).await?;
    Ok(migrator
        .iter()
        .map(|migration| migration.version)
        .filter(|number| !before.contains(number))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_have_the_same_migrations_and_each_says_why() {
        for (dialect, files) in [("postgres", POSTGRES), ("sqlite", SQLITE)] {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("migrations")
                .join(dialect);
            let mut on_disk: Vec<String> = std::fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            on_disk.sort();
            let embedded: Vec<String> = files
                .iter()
                .map(|(_, name, _)| format!("{name}.sql"))
                .collect();
            assert_eq!(on_disk, embedded);
            for (number, name, sql) in files {
                assert!(name.starts_with(&format!("{number:04}_")));
                let opening: Vec<&str> = sql.lines().take(2).collect();
                assert!(opening[0].starts_with("-- "), "{name}");
                assert!(
                    opening[1].starts_with("-- Old app code keeps working"),
                    "{name}"
                );
            }
        }
        assert_eq!(
            POSTGRES.map(|(number, name, _)| (number, name)),
            SQLITE.map(|(number, name, _)| (number, name))
        );
    }
}
