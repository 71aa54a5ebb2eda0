//! A `redis-server` with any configuration.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Mutex,
    time::Instant,
};

use redis::{Connection, FromRedisValue};

use crate::support::DEADLINE;

/// One server; it ends with the value.
pub(crate) struct Node {
    process: Child,
    folder: tempfile::TempDir,
    settings: Vec<String>,
    pub(crate) port: u16,
    /// Where nodes of a cluster talk to it; `BUS` in the settings.
    pub(crate) bus: u16,
    /// Credentials for the test's own commands, as in a URL.
    pub(crate) login: &'static str,
}

/// A port that was free a moment ago, and that no other test of this process was given.
pub(crate) fn free_port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        if GIVEN.lock().unwrap().insert(port) {
            return port;
        }
    }
}

fn spawn(folder: &Path, port: u16, bus: u16, settings: &[String]) -> Child {
    let binary = std::env::var("BULLRS_TEST_REDIS_SERVER").unwrap_or("redis-server".into());
    let mut command = Command::new(&binary);
    // Sentinels begin with the path of their configuration.
    let (file, flags): (Vec<_>, Vec<_>) = settings.iter().partition(|setting| {
        setting.starts_with('/')
            && Path::new(setting)
                .extension()
                .is_some_and(|it| it == "conf")
    });
    let flags = flags
        .into_iter()
        .map(|flag| flag.replace("BUS", &bus.to_string()));
    command.args(file);
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(flags)
        .arg("--dir")
        .arg(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start `{binary}`: {error}"))
}

impl Node {
    /// Starts one and waits until it answers. `settings` stand as on the command line.
    pub(crate) fn start(settings: &str) -> Self {
        let mut node = Self::launch(settings);
        node.wait();
        node
    }

    /// Starts several at the same time.
    pub(crate) fn start_all(settings: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<Self> {
        let settings = settings.into_iter();
        let mut nodes: Vec<Self> = settings.map(|one| Self::launch(one.as_ref())).collect();
        nodes.iter_mut().for_each(Self::wait);
        nodes
    }

    /// The same, on ports that others were told already.
    pub(crate) fn start_on(ports: &[u16], settings: &[String]) -> Vec<Self> {
        let launch = |(port, settings): (&u16, &String)| Self::launch_on(*port, settings);
        let mut nodes: Vec<Self> = ports.iter().zip(settings).map(launch).collect();
        nodes.iter_mut().for_each(Self::wait);
        nodes
    }

    fn launch(settings: &str) -> Self {
        Self::launch_on(free_port(), settings)
    }

    fn launch_on(port: u16, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings: Vec<String> =
            settings.split_whitespace().map(ToOwned::to_owned).collect();
        if !settings.iter().any(|setting| setting == "--sentinel") {
            settings.extend(["--save", ""].map(ToOwned::to_owned));
        }
        let bus = free_port();
        let process = spawn(folder.path(), port, bus, &settings);
        Self {
            process,
            folder,
            settings,
            port,
            bus,
            login: "",
        }
    }

    /// Waits until it answers; another port where someone else took this one.
    fn wait(&mut self) {
        for _ in 0..5 {
            let end = Instant::now() + DEADLINE;
            while Instant::now() < end {
                if let Ok(mut connection) = self.try_connect()
                    && !matches!(
                        redis::cmd("PING").query::<String>(&mut connection),
                        Err(error) if error.is_io_error()
                    )
                {
                    return;
                }
                if self.process.try_wait().unwrap().is_some() {
                    break;
                }
                std::thread::yield_now();
            }
            self.kill();
            (self.port, self.bus) = (free_port(), free_port());
            self.process = spawn(self.folder.path(), self.port, self.bus, &self.settings);
        }
        panic!("redis-server does not answer: {:?}", self.settings);
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn try_connect(&self) -> redis::RedisResult<Connection> {
        let url = format!("redis://{}127.0.0.1:{}", self.login, self.port);
        redis::Client::open(url)?.get_connection()
    }

    /// A connection for the test's own commands.
    pub(crate) fn connect(&self) -> Connection {
        self.try_connect().unwrap()
    }

    /// Runs a command, written as for `redis-cli`.
    pub(crate) fn try_run<T: FromRedisValue>(&self, command: &str) -> redis::RedisResult<T> {
        let mut words = command.split_whitespace();
        let mut sent = redis::cmd(words.next().unwrap());
        for word in words {
            sent.arg(word);
        }
        sent.query(&mut self.try_connect()?)
    }

    pub(crate) fn run<T: FromRedisValue>(&self, command: &str) -> T {
        self.try_run(command)
            .unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Kills it without warning.
    pub(crate) fn kill(&mut self) {
        let _may_be_dead = self.process.kill();
        self.process.wait().unwrap();
    }

    /// Starts it again where it was.
    pub(crate) fn restart(&mut self) {
        self.process = spawn(self.folder.path(), self.port, self.bus, &self.settings);
        self.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}
