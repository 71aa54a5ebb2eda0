//! A few connections that are made when needed and dropped when anything is wrong with them.
//!
//! The driver's own pool pings twice for each use, hides why a connection was refused behind a
//! timeout, and keeps a slot for as long as a half-open socket hangs; none of that suits a writer
//! that must know at once that its database is away.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{ConnectOptions, Connection, error::DatabaseError as _};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until, timeout},
};

/// How long a connection attempt, or the wait for a free connection, may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A connection that idled longer is asked for a sign of life before it is used again.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// How soon to try a SQLite file again that somebody else is just making.
const BUSY_PAUSE: Duration = Duration::from_millis(10);

/// Idle connections beside their options. Cheap to clone.
pub(super) struct Lane<C: Connection>(Arc<Inner<C>>);

struct Inner<C: Connection> {
    options: C::Options,
    idle: Mutex<Vec<(C, Instant)>>,
    free: Arc<Semaphore>,
}

impl<C: Connection> Clone for Lane<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> Lane<C>
where
    C: Connection + 'static,
    C::Options: ConnectOptions<Connection = C>,
{
    /// At most `most` connections at once; none is made yet.
    pub(super) fn new(options: C::Options, most: usize) -> Self {
        Self(Arc::new(Inner {
            options,
            idle: Mutex::new(Vec::new()),
            free: Arc::new(Semaphore::new(most)),
        }))
    }

    /// Takes a connection that answers. Dropping it closes it; [`Held::keep`] gives it back.
    pub(super) async fn take(&self) -> Result<Held<C>, sqlx::Error> {
        let free = Arc::clone(&self.0.free);
        let permit = in_time("no connection was free", CONNECT_WITHIN, async {
            free.acquire_owned()
                .await
                .map_err(|_closed| sqlx::Error::PoolClosed)
        })
        .await?;
        while let Some((mut conn, since)) = self.pop() {
            let answers = since.elapsed() < TRUSTED_FOR
                || matches!(timeout(CONNECT_WITHIN, conn.ping()).await, Ok(Ok(())));
            if answers {
                return Ok(self.hold(conn, permit));
            }
        }
        let conn = in_time("no answer", CONNECT_WITHIN, self.connect()).await?;
        Ok(self.hold(conn, permit))
    }

    /// Several that open a new SQLite file at once get in each other's way when each sets its mode,
    /// and SQLite does not wait there as it does elsewhere.
    async fn connect(&self) -> Result<C, sqlx::Error> {
        loop {
            match self.0.options.connect().await {
                Err(error) if is_busy(&error) => sleep_until(Instant::now() + BUSY_PAUSE).await,
                connected => return connected,
            }
        }
    }

    /// Closes what idles.
    pub(super) async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle());
        for (conn, _) in idle {
            let _closed = timeout(CONNECT_WITHIN, conn.close()).await;
        }
    }

    fn hold(&self, conn: C, permit: OwnedSemaphorePermit) -> Held<C> {
        Held {
            conn,
            lane: self.clone(),
            permit,
        }
    }

    fn pop(&self) -> Option<(C, Instant)> {
        self.idle().pop()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(C, Instant)>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use. Dropped, it is closed, and whatever transaction was open on it ends.
pub(super) struct Held<C: Connection> {
    conn: C,
    lane: Lane<C>,
    permit: OwnedSemaphorePermit,
}

impl<C> Held<C>
where
    C: Connection + 'static,
    C::Options: ConnectOptions<Connection = C>,
{
    /// Gives the connection back for others to use.
    pub(super) fn keep(self) {
        self.lane.idle().push((self.conn, Instant::now()));
        drop(self.permit);
    }
}

impl<C: Connection> Deref for Held<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.conn
    }
}

impl<C: Connection> DerefMut for Held<C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.conn
    }
}

/// SQLite's BUSY, in any of its extended forms.
fn is_busy(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<sqlx::sqlite::SqliteError>())
        .and_then(|error| error.code()?.parse::<u32>().ok())
        .is_some_and(|code| code & 0xff == 5)
}

/// Bounds work on the database; too late is an I/O error like any other silence.
pub(super) async fn in_time<T>(
    what: &'static str,
    within: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    timeout(within, work).await.unwrap_or_else(|_late| {
        let message = format!("{what} within {} s", within.as_secs());
        Err(sqlx::Error::Io(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            message,
        )))
    })
}
