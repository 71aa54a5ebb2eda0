//! Who is connected for a queue: its workers and its readers of events (WIRE §5.2).

use std::{collections::BTreeMap, time::Duration};

use super::Queue;
use crate::{Result, script::call};

/// A connection of a worker, or of a reader of events, as the server tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    worker: Option<String>,
    fields: BTreeMap<String, String>,
}

impl ClientInfo {
    /// The name that the worker was given, if any.
    pub fn worker_name(&self) -> Option<&str> {
        self.worker.as_deref()
    }

    /// The connection's name: `{prefix}:{base64 of the queue}`, and for a named worker `:w:{name}`.
    pub fn raw_name(&self) -> &str {
        self.field("name").unwrap_or_default()
    }

    /// Address and port of the client.
    pub fn address(&self) -> Option<&str> {
        self.field("addr")
    }

    /// How long it has been connected.
    pub fn age(&self) -> Option<Duration> {
        self.seconds("age")
    }

    /// How long ago it sent its last command. A worker that waits for jobs sends one every few seconds.
    pub fn idle(&self) -> Option<Duration> {
        self.seconds("idle")
    }

    /// Any field of `CLIENT LIST` as it stands, such as `id`, `cmd` or `lib-name`.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// All fields of `CLIENT LIST` as they stand.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn seconds(&self, field: &str) -> Option<Duration> {
        self.field(field)?.parse().ok().map(Duration::from_secs)
    }
}

/// The lines whose name `wanted` knows, with what it makes of the name.
fn read(list: &str, wanted: impl Fn(&str) -> Option<Option<String>>) -> Vec<ClientInfo> {
    list.lines()
        .filter_map(|line| {
            let fields: BTreeMap<String, String> = line
                .split(' ')
                .filter_map(|field| field.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let worker = wanted(fields.get("name")?)?;
            Some(ClientInfo { worker, fields })
        })
        .collect()
}

impl Queue {
    /// The workers that serve the queue: stock's, ours and others', each by its blocking connection.
    ///
    /// The reply of `CLIENT LIST` comes in one piece, a few hundred bytes for each connection of the
    /// server. A worker of several queues that shares one blocking connection shows for the first.
    ///
    /// # Errors
    /// When Redis cannot be reached, or does not know or allow `CLIENT LIST`, as some hosted ones.
    pub async fn workers(&self) -> Result<Vec<ClientInfo>> {
        let unnamed = self.keys()?.client_name(None)?;
        let list = call::client_list(self.conn()).await?;
        Ok(read(&list, |name| {
            match name.strip_prefix(unnamed.as_str())? {
                "" => Some(None),
                rest => rest
                    .strip_prefix(":w:")
                    .map(|worker| Some(worker.to_owned())),
            }
        }))
    }

    /// How many workers serve the queue.
    ///
    /// # Errors
    /// As [`workers`](Self::workers).
    pub async fn workers_count(&self) -> Result<usize> {
        Ok(self.workers().await?.len())
    }

    /// Who reads the queue's events by stock's `QueueEvents`, or names its connection as that does.
    ///
    /// # Errors
    /// As [`workers`](Self::workers).
    pub async fn event_readers(&self) -> Result<Vec<ClientInfo>> {
        let wanted = format!("{}:qe", self.keys()?.client_name(None)?);
        let list = call::client_list(self.conn()).await?;
        Ok(read(&list, |name| (name == wanted).then_some(None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_as_its_fields() {
        let list = "id=3 addr=127.0.0.1:5 name=bull:cQ==:w:a=b age=12 cmd=bzpopmin user=x\r\n\
                    id=4 addr=127.0.0.1:6 name= age=x\n\nid=5\n";
        let found = read(list, |name| {
            (!name.is_empty()).then(|| name.rsplit(':').next().map(str::to_owned))
        });
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].worker_name(), Some("a=b"));
        assert_eq!(found[0].raw_name(), "bull:cQ==:w:a=b");
        assert_eq!(found[0].address(), Some("127.0.0.1:5"));
        assert_eq!(found[0].age(), Some(Duration::from_secs(12)));
        assert_eq!(
            (found[0].idle(), found[0].field("cmd")),
            (None, Some("bzpopmin"))
        );
    }
}
