//! Runs the binary in an empty folder, with an empty environment.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use serde_json::{Map, Value};

use super::support::DEADLINE;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_bullrs");

/// A command that was not started yet.
#[must_use]
pub(crate) struct Run {
    command: Command,
    folder: tempfile::TempDir,
    input: Option<String>,
}

/// How a command ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn new(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(BINARY);
        command
            .args(args)
            .env_clear()
            .current_dir(folder.path())
            .stdin(Stdio::null());
        Self {
            command,
            folder,
            input: None,
        }
    }

    /// From a line without quotes.
    pub(crate) fn line(line: &str) -> Self {
        Self::new(&line.split_whitespace().collect::<Vec<_>>())
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    pub(crate) fn within(mut self, folder: &str) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub(crate) fn input(mut self, text: &str) -> Self {
        self.input = Some(text.into());
        self.command.stdin(Stdio::piped());
        self
    }

    /// Runs it to its end; one that hangs fails the test.
    pub(crate) fn end(mut self) -> Ended {
        let mut child = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if let Some(input) = &self.input {
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(input.as_bytes()).unwrap();
        }
        let stdout = reading(child.stdout.take().unwrap());
        let stderr = reading(child.stderr.take().unwrap());
        let code = ended(&mut child).code();
        Ended {
            code,
            stdout: stdout.join().unwrap(),
            stderr: stderr.join().unwrap(),
        }
    }

    /// Runs it and compares all three, exactly.
    #[track_caller]
    pub(crate) fn expect(self, code: i32, stdout: &str, stderr: &str) {
        let ended = self.end();
        let shown = format!(
            "~~~ code {:?}\n~~~ stdout\n{}~~~ stderr\n{}",
            ended.code, ended.stdout, ended.stderr
        );
        let wanted = format!(
            "~~~ code {:?}\n~~~ stdout\n{stdout}~~~ stderr\n{stderr}",
            Some(code)
        );
        assert!(shown == wanted, "got\n{shown}\nwanted\n{wanted}");
    }

    /// Starts it and leaves it running.
    pub(crate) fn start(mut self) -> Started {
        let mut child = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in stderr.lines() {
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        Started {
            child,
            folder: self.folder,
            lines,
            log: Vec::new(),
        }
    }
}

fn reading(mut pipe: impl std::io::Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    })
}

fn ended(child: &mut Child) -> ExitStatus {
    let end = Instant::now() + 2 * DEADLINE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if Instant::now() > end {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the command does not end");
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A command at work, whose log is read. Killed when dropped.
pub(crate) struct Started {
    pub(crate) child: Child,
    folder: tempfile::TempDir,
    lines: Receiver<String>,
    log: Vec<String>,
}

impl Started {
    /// Waits until a line of the log has this message, and returns its fields.
    pub(crate) fn logged(&mut self, message: &str) -> Map<String, Value> {
        let end = Instant::now() + DEADLINE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("waited in vain for `{message}` in\n{}", self.log.join("\n"));
            };
            self.log.push(line.clone());
            if let Ok(Value::Object(fields)) = serde_json::from_str(&line)
                && fields["message"] == message
            {
                return fields;
            }
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end; returns the code, and every line it logged.
    pub(crate) fn end(mut self) -> (Option<i32>, Vec<String>) {
        let code = ended(&mut self.child).code();
        self.log.extend(self.lines.iter());
        (code, std::mem::take(&mut self.log))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _already_ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
