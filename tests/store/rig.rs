//! A database of its own for each test, and the app that shares it.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, resume_unwind},
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use bullrs::store::{Change, JobRow, NewJob, Run, Settlement, Status, Store};
use futures_util::FutureExt as _;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection,
};

/// Long enough for a busy machine; nobody waits that long when things work.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// What a test gets.
pub(crate) struct Rig {
    /// Migrated, unless the test asked for a bare database.
    pub(crate) store: Store,
    pub(crate) url: String,
    pub(crate) is_postgres: bool,
}

impl Rig {
    /// Runs SQL as the app would, on a connection of its own.
    pub(crate) async fn app(&self, sql: &str) {
        run_sql(&self.url, sql).await;
    }

    /// Runs the text for the database at hand.
    pub(crate) async fn app_in(&self, postgres: &str, sqlite: &str) {
        self.app(if self.is_postgres { postgres } else { sqlite })
            .await;
    }

    /// The first column of what a query returns, as text.
    pub(crate) async fn ask(&self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_postgres {
            let mut conn = PgConnection::connect(&self.url).await.unwrap();
            let rows = sqlx::query(sql).fetch_all(&mut conn).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        } else {
            let mut conn = SqliteConnection::connect(&self.url).await.unwrap();
            let rows = sqlx::query(sql).fetch_all(&mut conn).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        }
    }

    /// The row, which is there.
    pub(crate) async fn row(&self, id: &str) -> JobRow {
        self.store.job(id).await.unwrap().unwrap()
    }

    /// A pending row of the queue `content`.
    pub(crate) async fn pending(&self, id: &str) {
        assert!(self.store.insert(&new_job(id)).await.unwrap());
    }

    pub(crate) async fn start(&self, run: &Run) {
        let change = Change::Start {
            run: run.clone(),
            at: run.started_at,
        };
        self.store.apply(&[change], &[]).await.unwrap();
    }

    /// Whether a row changed.
    pub(crate) async fn settle(&self, settlement: &Settlement) -> bool {
        let change = Change::Settle(settlement.clone());
        self.store.apply(&[change], &[]).await.unwrap().changed == 1
    }
}

pub(crate) async fn run_sql(url: &str, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    if url.starts_with("postgres") {
        let mut conn = PgConnection::connect(url).await.unwrap();
        conn.execute(sqlx::raw_sql(sql)).await.unwrap();
        conn.close().await.unwrap();
    } else {
        let mut conn = SqliteConnection::connect(url).await.unwrap();
        conn.execute(sqlx::raw_sql("pragma busy_timeout = 20000"))
            .await
            .unwrap();
        conn.execute(sqlx::raw_sql(sql)).await.unwrap();
        conn.close().await.unwrap();
    }
}

pub(crate) fn new_job(id: &str) -> NewJob {
    NewJob {
        id: id.into(),
        queue: "content".into(),
        name: "generate".into(),
        payload: None,
        max_attempts: 3,
        at: 1_000,
    }
}

/// The `starts`-th start of job `job_id`, at `at`.
pub(crate) fn run(id: &str, job_id: &str, starts: u32, at: i64) -> Run {
    Run {
        content_job_id: id.into(),
        queue: "content".into(),
        name: "generate".into(),
        job_id: job_id.into(),
        attempts_made: starts - 1,
        attempts_started: starts,
        max_attempts: 3,
        queued_at: 1_500,
        started_at: at,
    }
}

/// How a run ended, 10 ms after it started.
pub(crate) fn ended(run: &Run, status: Status) -> Settlement {
    let result = (status == Status::Succeeded).then(|| r#"{"words":3}"#.to_owned());
    let error = matches!(status, Status::Failed | Status::Delayed).then(|| "no luck".to_owned());
    Settlement {
        run: run.clone(),
        attempts_made: run.attempts_made + 1,
        result,
        error,
        progress: None,
        at: run.started_at + 10,
        status,
    }
}

/// Runs a test on a SQLite file.
pub(crate) fn on_sqlite<F: Future<Output = ()>>(test: fn(Rig) -> F) {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let file: PathBuf = folder.path().join("jobs.db");
        let url = format!("sqlite:{}?mode=rwc", file.display());
        let rig = Rig {
            store: Store::open(&url).await.unwrap(),
            url,
            is_postgres: false,
        };
        test(rig).await;
    });
}

/// Runs a test on a Postgres database of its own.
pub(crate) fn on_postgres<F: Future<Output = ()>>(test: fn(Rig) -> F) {
    let Some(server) = server_url() else { return };
    block_on(async {
        let database = Database::create(&server).await;
        let outcome = AssertUnwindSafe(async {
            let rig = Rig {
                store: Store::open(&database.url).await.unwrap(),
                url: database.url.clone(),
                is_postgres: true,
            };
            test(rig).await;
        })
        .catch_unwind()
        .await;
        database.drop().await;
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
    });
}

/// Whether the Postgres tests are to be left out.
pub(crate) fn skip_postgres() -> bool {
    std::env::var("BULLRS_TEST_SKIP_POSTGRES").is_ok_and(|value| value == "1")
}

/// The superuser's URL; none when the Postgres half is to be left out.
pub(crate) fn server_url() -> Option<String> {
    if skip_postgres() {
        return None;
    }
    let url = std::env::var("BULLRS_TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!(
            "BULLRS_TEST_POSTGRES_URL is not set: give the URL of a Postgres superuser, such as \
             postgres://postgres@127.0.0.1:5432/postgres, or leave the Postgres half out with \
             BULLRS_TEST_SKIP_POSTGRES=1"
        )
    });
    Some(url)
}

pub(crate) fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(test);
}

/// A database that a test made.
pub(crate) struct Database {
    server: String,
    name: String,
    pub(crate) url: String,
}

impl Database {
    pub(crate) async fn create(server: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("bullrs_test_{}_{number}", std::process::id());
        run_sql(server, &format!("create database {name}")).await;
        Self {
            server: server.into(),
            url: with_database(server, &name),
            name,
        }
    }

    pub(crate) async fn drop(self) {
        let Self { server, name, .. } = self;
        run_sql(
            &server,
            &format!("drop database if exists {name} with (force)"),
        )
        .await;
    }
}

/// The same server, another database.
pub(crate) fn with_database(server: &str, name: &str) -> String {
    let (base, query) = server.split_once('?').unwrap_or((server, ""));
    let (scheme, rest) = base.split_once("://").unwrap();
    let authority = rest.split('/').next().unwrap();
    let query = if query.is_empty() {
        String::new()
    } else {
        format!("?{query}")
    };
    format!("{scheme}://{authority}/{name}{query}")
}

/// Polls until something holds; says what was waited for when it never does.
pub(crate) async fn eventually<F, T>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let poll = async {
        let mut pause = tokio::time::interval(Duration::from_millis(10));
        loop {
            if let Some(found) = look().await {
                return found;
            }
            pause.tick().await;
        }
    };
    tokio::time::timeout(SOON, poll)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"))
}
