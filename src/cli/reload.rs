//! SIGHUP: reads the configuration again, takes over what a running worker can take over, and says
//! what needs a restart.

use super::{Call, given, log::Logs};
use crate::config::{Entry, Fault, LogFilter, Reader};

/// Compares the configuration with the one that the process started with.
pub(super) struct Reloader<'c> {
    call: &'c Call<'c>,
    logs: Logs,
    entries: Vec<Entry>,
    read: fn(&mut Reader<'_>) -> LogFilter,
}

impl<'c> Reloader<'c> {
    /// `entries` are the settings in force; `read` reads the same ones from new sources.
    pub(super) fn new(
        call: &'c Call<'c>,
        logs: Logs,
        entries: Vec<Entry>,
        read: fn(&mut Reader<'_>) -> LogFilter,
    ) -> Self {
        Self {
            call,
            logs,
            entries,
            read,
        }
    }

    /// Reads the sources again. A configuration with a fault changes nothing.
    pub(super) fn reload(&mut self) {
        match self.again() {
            Ok((entries, filter)) => {
                let changed = changed(&self.entries, &entries);
                self.logs.show(&filter);
                self.entries.retain(|entry| entry.path != "log_level");
                self.entries.extend(
                    entries
                        .into_iter()
                        .filter(|entry| entry.path == "log_level"),
                );
                report(&changed);
            }
            Err(faults) => {
                for fault in faults {
                    tracing::error!(%fault, "the configuration is wrong; the old one stays");
                }
            }
        }
    }

    fn again(&self) -> Result<(Vec<Entry>, LogFilter), Vec<Fault>> {
        let sources = given::sources(self.call.matches)?;
        let mut reader = Reader::new(&sources);
        let filter = (self.read)(&mut reader);
        Ok((reader.finish()?, filter))
    }
}

/// Paths whose value differs, or that only one side has.
fn changed(before: &[Entry], after: &[Entry]) -> Vec<String> {
    let value = |entries: &[Entry], path: &str| {
        let entry = entries.iter().find(|entry| entry.path == path);
        entry.map(|entry| entry.value.clone())
    };
    let mut paths: Vec<&str> = before
        .iter()
        .chain(after)
        .map(|entry| entry.path.as_str())
        .filter(|path| value(before, path) != value(after, path))
        .collect();
    paths.sort_unstable();
    paths.dedup();
    paths.into_iter().map(str::to_owned).collect()
}

fn report(changed: &[String]) {
    let (now, later): (Vec<&str>, Vec<&str>) = changed
        .iter()
        .map(String::as_str)
        .partition(|path| *path == "log_level");
    if changed.is_empty() {
        tracing::info!("configuration read again: nothing changed");
    }
    if !now.is_empty() {
        tracing::info!(
            settings = now.join(","),
            "configuration read again: in force now"
        );
    }
    if !later.is_empty() {
        tracing::warn!(
            settings = later.join(","),
            "configuration read again: these changes need a restart"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;

    #[test]
    fn what_differs_is_named_once_and_in_order() {
        let entry = |path: &str, value: &str| Entry {
            path: path.into(),
            value: value.into(),
            origin: Origin::Default,
        };
        let before = [
            entry("worker.drain", "25s"),
            entry("prefix", "bull"),
            entry("queues.a.concurrency", "1"),
        ];
        let after = [
            entry("worker.drain", "10s"),
            entry("prefix", "bull"),
            entry("queues.b.concurrency", "1"),
        ];
        assert_eq!(
            changed(&before, &after),
            [
                "queues.a.concurrency",
                "queues.b.concurrency",
                "worker.drain"
            ]
        );
        assert_eq!(changed(&before, &before), [""; 0]);
    }
}
