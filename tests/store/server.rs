//! A Postgres server that a test may kill.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A port that nobody uses now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Removed with its data when dropped.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    binaries: PathBuf,
    port: u16,
}

impl Server {
    /// Makes a cluster and starts it.
    pub(crate) fn start() -> Self {
        let server = Self {
            folder: tempfile::tempdir().unwrap(),
            binaries: binaries(),
            port: free_port(),
        };
        if is_root() {
            // Postgres refuses to run as root.
            let status = Command::new("chown")
                .arg("postgres")
                .arg(server.folder.path())
                .status();
            assert!(status.unwrap().success());
        }
        let data = server.data();
        let data = data.to_str().unwrap();
        server.run(
            "initdb",
            &[
                "-D",
                data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
            ],
        );
        server.resume();
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts the server again.
    pub(crate) fn resume(&self) {
        let data = self.data();
        let log = self.folder.path().join("log");
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''",
            self.port
        );
        self.run(
            "pg_ctl",
            &[
                "-w",
                "-D",
                data.to_str().unwrap(),
                "-l",
                log.to_str().unwrap(),
                "-o",
                &options,
                "start",
            ],
        );
    }

    /// Stops it at once, as a crash would; it recovers when it starts again.
    pub(crate) fn kill(&self) {
        let data = self.data();
        self.run(
            "pg_ctl",
            &[
                "-w",
                "-D",
                data.to_str().unwrap(),
                "-m",
                "immediate",
                "stop",
            ],
        );
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, program: &str, args: &[&str]) {
        let output = self.output(program, args);
        assert!(
            output.status.success(),
            "{program}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    fn output(&self, program: &str, args: &[&str]) -> Output {
        let program = self.binaries.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command
            .args(args)
            .current_dir(self.folder.path())
            // The server would keep our pipe open.
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .output()
            .unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.data();
        // Not running is as good.
        let _stopped = self.output(
            "pg_ctl",
            &[
                "-w",
                "-D",
                data.to_str().unwrap(),
                "-m",
                "immediate",
                "stop",
            ],
        );
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

/// `BULLRS_POSTGRES_BIN`, or where Debian puts it, or where `pg_config` says.
fn binaries() -> PathBuf {
    if let Some(folder) = std::env::var_os("BULLRS_POSTGRES_BIN") {
        return folder.into();
    }
    let mut versions: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    versions.sort();
    if let Some(folder) = versions.pop() {
        return folder;
    }
    let output = Command::new("pg_config").arg("--bindir").output();
    let folder = output
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok());
    let folder = folder.unwrap_or_else(|| {
        panic!(
            "found no `initdb`: name the folder of Postgres' programs in BULLRS_POSTGRES_BIN, \
             or leave these tests out with BULLRS_TEST_SKIP_POSTGRES=1"
        )
    });
    Path::new(folder.trim()).to_path_buf()
}
