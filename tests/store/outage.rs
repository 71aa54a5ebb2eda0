//! The database goes away while jobs run.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bullrs::{
    store::{JobRecorder, JobRecorderOptions, Status, Store, Timeline},
    worker::{CancelReason, Observer as _, SettledState},
};
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    runtime::Handle,
    sync::Notify,
};

use crate::{
    recorder::{claimed, settled},
    rig::{self, SOON, block_on, eventually, new_job, skip_postgres},
    server::Server,
};

fn recorder(store: &Store, options: JobRecorderOptions) -> JobRecorder {
    JobRecorder::start(store.clone(), None, options, &Handle::current()).unwrap()
}

fn linked(number: usize) -> String {
    format!(r#"{{"contentJobId":"c{number}"}}"#)
}

fn completed(number: usize) -> SettledState {
    SettledState::Completed(number.to_string())
}

#[test]
fn no_outcome_is_lost_when_postgres_is_killed_and_restarted() {
    const JOBS: usize = 300;
    if skip_postgres() {
        return;
    }
    let server = Server::start();
    block_on(async {
        let store = Store::open(&server.url()).await.unwrap();
        let recorder = recorder(&store, JobRecorderOptions::default());
        for number in 0..JOBS {
            assert!(store.insert(&new_job(&format!("c{number}"))).await.unwrap());
        }
        let mut jobs = Vec::new();
        for number in 0..JOBS {
            let job = claimed(&number.to_string(), &linked(number), 0, 1);
            assert!(recorder.starting(&job).await.unwrap().is_none());
            jobs.push(job);
        }
        // Killed under the writer's hands: some outcomes are written, some in flight, some to come.
        for (number, job) in jobs.iter().enumerate() {
            if number == JOBS / 2 {
                tokio::task::block_in_place(|| server.kill());
            }
            recorder.progressed(job, "50");
            recorder.settled(settled(job, completed(number), 1, 7_000));
            tokio::task::yield_now().await;
        }
        eventually("unhealthy", || async {
            (!recorder.is_healthy()).then_some(())
        })
        .await;
        assert!(recorder.last_error().is_some());
        let left = recorder.flush(Duration::from_millis(300)).await;
        assert!(left >= JOBS / 2, "{left}");

        // A job that would start now waits, and stops waiting when it is told to stop.
        let job = claimed("1000", &linked(0), 0, 2);
        let stop = async {
            eventually("the start waits", || async {
                (recorder.waiting() > left).then_some(())
            })
            .await;
            job.cancel(CancelReason::Shutdown);
        };
        let (started, ()) = tokio::join!(recorder.starting(&job), stop);
        assert_eq!(
            started.unwrap_err().downcast_ref::<CancelReason>(),
            Some(&CancelReason::Shutdown)
        );
        // One that is left waiting starts when the database is back.
        let waiting = claimed("1", &linked(1), 0, 9);
        let resume = async { tokio::task::block_in_place(|| server.resume()) };
        let (started, ()) = tokio::join!(recorder.starting(&waiting), resume);
        assert!(started.unwrap().is_none());

        assert_eq!(recorder.flush(SOON).await, 0);
        assert!(recorder.is_healthy());
        assert_eq!((recorder.last_error(), recorder.refused()), (None, 0));
        for number in 0..JOBS {
            let row = store.job(&format!("c{number}")).await.unwrap().unwrap();
            if number == 1 {
                assert_eq!((row.status, row.attempts_started), (Status::Active, 9));
                continue;
            }
            assert_eq!(row.status, Status::Succeeded, "{number}");
            assert_eq!(row.result.unwrap().get(), number.to_string());
            assert_eq!(row.progress.unwrap().get(), "50");
            let events = store.events(&Timeline::row(row.id), 0, 10).await.unwrap();
            let names: Vec<&str> = events.iter().map(|event| event.event.as_str()).collect();
            assert_eq!(names, ["active", "progress", "completed"], "{number}");
        }
        // The start that was withdrawn left no trace.
        let gone = store.events(&Timeline::job("content", "1000"), 0, 10).await;
        assert!(gone.unwrap().is_empty());
    });
}

#[test]
fn a_connection_that_hangs_is_given_up_and_made_anew() {
    let Some(server) = rig::server_url() else {
        return;
    };
    block_on(async {
        let database = rig::Database::create(&server).await;
        let proxy = Proxy::start(&database.url).await;
        let store = Store::open(&proxy.url).await.unwrap();
        assert!(store.insert(&new_job("c1")).await.unwrap());
        let recorder = recorder(&store, JobRecorderOptions::default());
        let job = claimed("7", r#"{"contentJobId":"c1"}"#, 0, 1);
        recorder.starting(&job).await.unwrap();
        proxy.hang();
        recorder.settled(settled(&job, completed(1), 1, 7_000));
        assert_eq!(recorder.flush(Duration::from_millis(200)).await, 1);
        // New connections pass, the old one stays silent without being closed.
        proxy.pass_new_ones();
        assert_eq!(recorder.flush(SOON * 2).await, 0);
        let row = store.job("c1").await.unwrap().unwrap();
        assert_eq!(row.status, Status::Succeeded);
        drop(recorder);
        store.close().await;
        database.drop().await;
    });
}

#[test]
fn jobs_wait_to_start_once_too_much_waits_to_be_written() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("jobs.db").display());
        let store = Store::open(&url).await.unwrap();
        for number in 0..20 {
            assert!(store.insert(&new_job(&format!("c{number}"))).await.unwrap());
        }
        let mut options = JobRecorderOptions::default();
        options.most_waiting = 5;
        let recorder = recorder(&store, options);
        // Somebody else writes, and does not end.
        let mut other = SqliteConnection::connect(&url).await.unwrap();
        other.execute("begin immediate").await.unwrap();
        // Outcomes are always taken.
        for number in 0..20 {
            let job = claimed(&number.to_string(), &linked(number), 0, 1);
            recorder.settled(settled(&job, completed(number), 1, 7_000));
        }
        assert_eq!(recorder.waiting(), 20);
        assert!(!recorder.is_healthy());
        // A job without a row would not need the database, but has to wait like all others.
        let unlinked = claimed("100", "{}", 0, 1);
        let given_up = claimed("101", "{}", 0, 1);
        let release = async {
            given_up.cancel(CancelReason::TimedOut(5));
            let error = recorder.starting(&given_up).await.unwrap_err();
            assert_eq!(error.to_string(), "timed out after 5 ms");
            // SQLite waits five seconds for the other, then says so.
            eventually("the database is busy", || async { recorder.last_error() }).await;
            assert_eq!(recorder.waiting(), 20);
            other.execute("rollback").await.unwrap();
        };
        let (started, ()) = tokio::join!(recorder.starting(&unlinked), release);
        assert!(started.unwrap().is_none());
        assert_eq!(recorder.flush(SOON).await, 0);
        for number in 0..20 {
            let row = store.job(&format!("c{number}")).await.unwrap().unwrap();
            assert_eq!(row.status, Status::Succeeded);
        }
        assert!(recorder.is_healthy());
    });
}

#[test]
fn a_file_that_is_new_to_all_is_made_by_one() {
    block_on(async {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("jobs.db").display().to_string();
            let tasks: Vec<_> = (0..6)
                .map(|number| {
                    let file = file.clone();
                    tokio::spawn(async move {
                        let store = Store::open(&file).await?;
                        store.insert(&new_job(&format!("c{number}"))).await
                    })
                })
                .collect();
            for task in tasks {
                assert_eq!(task.await.unwrap(), Ok(true));
            }
        }
    });
}

#[test]
fn a_server_that_is_not_there_is_named_with_the_reason() {
    block_on(async {
        let port = crate::server::free_port();
        let url = format!("postgres://app:s3cret@127.0.0.1:{port}/jobs");
        let error = Store::connect(&url).await.unwrap_err();
        assert!(error.is_transient());
        assert_eq!(
            error.to_string(),
            format!(
                "cannot reach the database at postgres://127.0.0.1:{port}/jobs: error \
                 communicating with database: Connection refused (os error 111) (in connecting)"
            )
        );
    });
}

/// Forwards to a server, until it is told to hold everything back.
struct Proxy {
    url: String,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    /// Nothing passes on connections that are open now, nor are new ones taken.
    closed: AtomicBool,
    hung: Notify,
}

impl Proxy {
    async fn start(target: &str) -> Self {
        let authority = target.split_once("://").unwrap().1;
        let address = authority.split('/').next().unwrap();
        let address = address.rsplit_once('@').map_or(address, |(_, host)| host);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = target.replacen(address, &format!("127.0.0.1:{port}"), 1);
        let gate = Arc::new(Gate::default());
        let (address, shared) = (address.to_owned(), Arc::clone(&gate));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&address).await.unwrap();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(forward(from_client, to_server, Arc::clone(&shared)));
                tokio::spawn(forward(from_server, to_client, Arc::clone(&shared)));
            }
        });
        Self { url, gate }
    }

    fn hang(&self) {
        self.gate.closed.store(true, Ordering::SeqCst);
        self.gate.hung.notify_waiters();
    }

    fn pass_new_ones(&self) {
        self.gate.closed.store(false, Ordering::SeqCst);
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, gate: Arc<Gate>) {
    let mut buffer = vec![0; 16_384];
    loop {
        let read = tokio::select! {
            biased;
            () = gate.hung.notified() => None,
            read = from.read(&mut buffer) => Some(read),
        };
        match read {
            Some(Ok(length)) if length > 0 && !gate.closed.load(Ordering::SeqCst) => {
                if to.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
            Some(Ok(0) | Err(_)) => return,
            // Silent for ever, with both ends open.
            _ => std::future::pending().await,
        }
    }
}
