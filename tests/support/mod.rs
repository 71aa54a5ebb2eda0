//! A private Redis for each test binary, a prefix of its own for each test.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::missing_panics_doc,
    reason = "each test binary uses another part"
)]

pub mod proxy;

use std::{
    collections::BTreeMap,
    future::Future,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use bullrs::{Client, Queue, conn::ConnectionOptions};
use redis::{AsyncCommands, aio::MultiplexedConnection};

/// How long anything may take before a test gives up.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A `redis-server` that ends with the value.
pub struct Server {
    process: Child,
    folder: tempfile::TempDir,
    pub port: u16,
}

impl Server {
    /// Starts one on a free port; `persistent` keeps data over [`restart`](Self::restart).
    pub fn start(persistent: bool) -> Self {
        Self::start_with(persistent, &[])
    }

    /// The same, with further settings of the server.
    pub fn start_with(persistent: bool, settings: &[&str]) -> Self {
        // Another process may take the port between the look and the start.
        for _ in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            let port = free_port();
            let process = spawn(port, folder.path(), persistent, settings);
            let mut server = Self {
                process,
                folder,
                port,
            };
            if server.answers() {
                return server;
            }
        }
        panic!("redis-server does not answer on any port");
    }

    fn answers(&mut self) -> bool {
        let client = redis::Client::open(self.url()).unwrap();
        let end = Instant::now() + DEADLINE;
        while Instant::now() < end {
            if let Ok(mut connection) = client.get_connection()
                && redis::cmd("PING").query::<String>(&mut connection).is_ok()
            {
                return true;
            }
            if self.process.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::yield_now();
        }
        false
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills the server without warning.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Starts it again on the same port, with the data that it kept.
    pub fn restart(&mut self) {
        self.process = spawn(self.port, self.folder.path(), true, &[]);
        assert!(self.answers(), "redis-server does not come back");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_dead = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn spawn(port: u16, folder: &Path, persistent: bool, settings: &[&str]) -> Child {
    let binary = std::env::var("BULLRS_TEST_REDIS_SERVER").unwrap_or("redis-server".into());
    Command::new(&binary)
        .args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
        ])
        .args([
            "--appendonly",
            if persistent { "yes" } else { "no" },
            "--appendfsync",
            "always",
        ])
        .arg("--dir")
        .arg(folder)
        .args(settings)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start `{binary}`: {error}"))
}

/// The server that the tests of a binary share.
fn shared_server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = Server::start(false);
        end_with_us(server.process.id());
        server
    })
}

#[expect(clippy::zombie_processes, reason = "the watcher outlives this process")]
/// A static is never dropped: a watcher ends the shared server when this process is gone.
fn end_with_us(server: u32) {
    let us = std::process::id();
    Command::new("sh")
        .arg("-c")
        .arg(format!(
            "while kill -0 {us} 2>/dev/null; do sleep 0.2; done; kill {server}"
        ))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
}

/// One test's view of Redis.
pub struct Rig {
    pub prefix: String,
    pub url: String,
    pub redis: MultiplexedConnection,
    pub client: Client,
}

impl Rig {
    /// On the shared server, under a prefix of its own.
    pub async fn start() -> Self {
        Self::on(&shared_server().url()).await
    }

    pub async fn on(url: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let redis = redis::Client::open(url).unwrap();
        let redis = redis.get_multiplexed_async_connection().await.unwrap();
        let client = Client::connect(url).await.unwrap().prefix(prefix.clone());
        Self {
            prefix,
            url: url.to_owned(),
            redis,
            client,
        }
    }

    pub fn options(&self) -> ConnectionOptions {
        ConnectionOptions::parse(&self.url).unwrap()
    }

    pub fn queue(&self) -> Queue {
        self.client.queue("q")
    }

    pub fn key(&self, suffix: &str) -> String {
        format!("{}:q:{suffix}", self.prefix)
    }

    pub async fn hash(&self, suffix: &str) -> BTreeMap<String, String> {
        self.redis.clone().hgetall(self.key(suffix)).await.unwrap()
    }

    pub async fn list(&self, suffix: &str) -> Vec<String> {
        self.redis
            .clone()
            .lrange(self.key(suffix), 0, -1)
            .await
            .unwrap()
    }

    pub async fn state(&self, id: &str) -> String {
        self.queue().job(id).state().await.unwrap().to_string()
    }

    /// Event names of a job in order, without `added`.
    pub async fn events(&self, id: &str) -> Vec<String> {
        let reply: redis::streams::StreamRangeReply = self
            .redis
            .clone()
            .xrange_all(self.key("events"))
            .await
            .unwrap();
        reply
            .ids
            .iter()
            .filter(|entry| entry.get::<String>("jobId").as_deref() == Some(id))
            .filter_map(|entry| entry.get::<String>("event"))
            .filter(|event| event != "added")
            .collect()
    }

    pub async fn wait_for_state(&self, id: &str, state: &str) {
        eventually(&format!("job {id} to be {state}"), || async {
            self.state(id).await == state
        })
        .await;
    }
}

/// Polls until `check` holds; fails the test after [`DEADLINE`].
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let end = Instant::now() + DEADLINE;
    loop {
        ticks.tick().await;
        if check().await {
            return;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
    }
}

/// A future with [`DEADLINE`].
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Time that passes in the scene of a test: the work of a job, an outage, the span over which
/// something is counted. Never a wait for a state.
pub async fn elapse(time: Duration) {
    tokio::time::sleep_until((Instant::now() + time).into()).await;
}

/// Checks again and again for as long as `time`.
pub async fn throughout<F: Future<Output = ()>>(time: Duration, mut check: impl FnMut() -> F) {
    let mut ticks = tokio::time::interval(Duration::from_millis(40));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let end = Instant::now() + time;
    while Instant::now() < end {
        ticks.tick().await;
        check().await;
    }
}
