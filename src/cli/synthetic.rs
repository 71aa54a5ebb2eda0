//! The handler of `bench worker`.

use std::{
    fmt,
    io::{self, Write as _},
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::Notify;

use crate::{
    BoxError, Failure,
    config::duration,
    worker::{Outcome, Processor, RawJob},
};

/// What the handler does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Returns null.
    Noop,
    /// Returns the job's data.
    Echo,
    /// Sleeps this long.
    Sleep(Duration),
    /// Fails while fewer attempts than this were made.
    Fail(u32),
    /// Prints when each job starts.
    Mono,
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no mode; write noop, echo, sleep:MS, fail:N or mono");
        match text.split_once(':') {
            None => match text {
                // An empty variable counts as unset.
                "" | "noop" => Ok(Self::Noop),
                "echo" => Ok(Self::Echo),
                "mono" => Ok(Self::Mono),
                _ => Err(wrong()),
            },
            Some(("sleep", time)) => duration(time).map(Self::Sleep),
            Some(("fail", count)) => count.parse().map(Self::Fail).map_err(|_| wrong()),
            Some(_) => Err(wrong()),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Noop => f.write_str("noop"),
            Self::Echo => f.write_str("echo"),
            Self::Sleep(time) => write!(f, "sleep:{}", time.as_millis()),
            Self::Fail(count) => write!(f, "fail:{count}"),
            Self::Mono => f.write_str("mono"),
        }
    }
}

/// Runs jobs by a [`Mode`].
#[derive(Debug)]
pub(super) struct Synthetic {
    mode: Mode,
    clock: Monotonic,
    unread: Arc<Notify>,
}

impl Synthetic {
    /// # Errors
    /// When the clock does not show its reading on this platform.
    pub(super) fn new(mode: Mode) -> Result<Self, String> {
        Ok(Self {
            mode,
            clock: Monotonic::new()?,
            unread: Arc::default(),
        })
    }

    /// Notified when nobody reads what `mono` prints any more.
    pub(super) fn unread(&self) -> Arc<Notify> {
        Arc::clone(&self.unread)
    }

    /// Prints when a job starts. Without a reader the job goes back to the queue, not down.
    async fn tell(&self, job: &RawJob, now: u128) -> Result<Outcome, BoxError> {
        let data: Numbered<'_> = serde_json::from_str(job.data().get())
            .map_err(|_| Failure::unrecoverable("`data.i` is missing, which `mono` prints"))?;
        match print(&format!("S {} {now}\n", data.i)) {
            Ok(()) => Ok(Outcome::null()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.unread.notify_one();
                Err(job.cancelled().await.into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The only part of a job that `mono` reads; any JSON will do.
#[derive(Deserialize)]
struct Numbered<'d> {
    #[serde(borrow)]
    i: &'d RawValue,
}

impl Processor for Synthetic {
    fn process(&self, job: RawJob) -> BoxFuture<'_, Result<Outcome, BoxError>> {
        Box::pin(async move {
            match self.mode {
                Mode::Echo => Ok(Outcome::Done(job.data().to_owned())),
                Mode::Sleep(time) => {
                    let until = tokio::time::Instant::now() + time;
                    tokio::select! {
                        () = tokio::time::sleep_until(until) => Ok(Outcome::null()),
                        reason = job.cancelled() => Err(reason.into()),
                    }
                }
                Mode::Fail(count) if job.record().attempts_made < count => {
                    Err("bench failure".into())
                }
                Mode::Noop | Mode::Fail(_) => Ok(Outcome::null()),
                Mode::Mono => {
                    let now = self.clock.nanoseconds();
                    self.tell(&job, now).await
                }
            }
        })
    }
}

fn print(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(line.as_bytes())?;
    output.flush()
}

/// `CLOCK_MONOTONIC` as a number, comparable with other processes of the machine.
///
/// The standard library reads that clock but keeps the number to itself, except in `Debug`; one
/// reading of it anchors all later ones.
#[derive(Debug)]
struct Monotonic {
    anchor: Instant,
    reading: Duration,
}

impl Monotonic {
    fn new() -> Result<Self, String> {
        let anchor = Instant::now();
        let shown = format!("{anchor:?}");
        let number = |name: &str| {
            let (_, rest) = shown.split_once(name)?;
            let digits = rest.trim_start_matches([':', ' ']);
            digits
                .split(|c: char| !c.is_ascii_digit())
                .next()?
                .parse()
                .ok()
        };
        let seconds: Option<u64> = number("tv_sec");
        let nanoseconds: Option<u64> = number("tv_nsec");
        let (Some(seconds), Some(nanoseconds)) = (seconds, nanoseconds) else {
            return Err(format!("`{shown}` does not show it"));
        };
        Ok(Self {
            anchor,
            reading: Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds),
        })
    }

    fn nanoseconds(&self) -> u128 {
        (self.reading + self.anchor.elapsed()).as_nanos()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::Recorder;

    async fn run(mode: &str, data: serde_json::Value) -> Result<String, String> {
        let handler = Synthetic::new(mode.parse().unwrap()).unwrap();
        let job = Arc::new(Recorder::default()).job("bench", "any", &data);
        match handler.process(job).await {
            Ok(Outcome::Done(value)) => Ok(value.get().to_owned()),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[tokio::test]
    async fn each_mode_does_what_it_says() {
        assert_eq!(run("noop", json!({"i": 1})).await.as_deref(), Ok("null"));
        assert_eq!(
            run("echo", json!({"i": 1})).await.as_deref(),
            Ok("{\"i\":1}")
        );
        assert_eq!(run("sleep:1", json!(null)).await.as_deref(), Ok("null"));
        assert_eq!(run("fail:0", json!(null)).await.as_deref(), Ok("null"));
        assert_eq!(
            run("fail:1", json!(null)).await.unwrap_err(),
            "bench failure"
        );
        assert_eq!(
            run("mono", json!({})).await.unwrap_err(),
            "`data.i` is missing, which `mono` prints"
        );
    }

    #[test]
    fn a_mode_is_shown_as_it_is_written() {
        for mode in ["noop", "echo", "sleep:20", "fail:3", "mono"] {
            assert_eq!(mode.parse::<Mode>().unwrap().to_string(), mode);
        }
        for mode in [
            "Noop", "sleep", "sleep:", "sleep:x", "fail:-1", "fail", "mono:1",
        ] {
            assert!(mode.parse::<Mode>().is_err(), "{mode}");
        }
    }

    #[test]
    fn the_monotonic_clock_agrees_with_the_kernels_uptime() {
        let clock = Monotonic::new().unwrap();
        let first = clock.nanoseconds();
        assert!(first > 0);
        assert!(clock.nanoseconds() >= first);
    }
}
