//! Names of Redis keys (WIRE §1).

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{Error, Result};

/// The keys of one queue: `{prefix}:{queue}:` and a suffix.
#[derive(Debug, Clone)]
pub struct QueueKeys {
    prefix: Arc<str>,
    queue: Arc<str>,
    base: Arc<str>,
}

impl QueueKeys {
    /// Names the keys of `queue` under `prefix` (`bull` by default in every BullMQ client).
    ///
    /// # Errors
    /// When the queue's name is empty or contains `:`, or the prefix is empty (WIRE §1.2).
    pub fn new(prefix: &str, queue: &str) -> Result<Self> {
        if queue.is_empty() {
            return Err(Error::Invalid {
                field: "queue",
                rule: "must not be empty".into(),
            });
        }
        if queue.contains(':') {
            return Err(Error::Invalid {
                field: "queue",
                rule: format!("must not contain `:`, got `{queue}`"),
            });
        }
        if prefix.is_empty() {
            return Err(Error::Invalid {
                field: "prefix",
                rule: "must not be empty".into(),
            });
        }
        Ok(Self {
            prefix: prefix.into(),
            queue: queue.into(),
            base: format!("{prefix}:{queue}:").into(),
        })
    }

    /// The queue's name.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// The queue's name, to keep.
    pub fn queue_name(&self) -> Arc<str> {
        Arc::clone(&self.queue)
    }

    /// The prefix that all queues of this deployment share.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// `{prefix}:{queue}:`, the start of every key of the queue.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// `{prefix}:{queue}`, as `parent.queueKey` has it.
    pub fn qualified(&self) -> &str {
        self.base.strip_suffix(':').unwrap_or(&self.base)
    }

    /// The key with this suffix, such as `wait`.
    pub fn key(&self, suffix: &str) -> String {
        let mut key = String::with_capacity(self.base.len() + suffix.len());
        key.push_str(&self.base);
        key.push_str(suffix);
        key
    }

    /// The hash of a job.
    pub fn job(&self, id: &str) -> String {
        self.key(id)
    }

    /// A key under a job, such as its `lock`, `logs`, `dependencies` or `processed`.
    pub fn job_part(&self, id: &str, part: &str) -> String {
        format!("{}{id}:{part}", self.base)
    }

    /// A key of bullrs itself for this queue. It stands outside `{prefix}:{queue}:`, where stock's
    /// removal of orphans would delete it, and in the queue's own slot of a cluster.
    pub(crate) fn own(&self, name: &str) -> String {
        format!("{}::bullrs:{name}:{}", self.prefix, self.queue)
    }

    /// The client name that dashboards count workers by (WIRE §5.2).
    ///
    /// # Errors
    /// When the worker's name has a character that `CLIENT SETNAME` refuses.
    pub fn client_name(&self, worker: Option<&str>) -> Result<String> {
        let queue = STANDARD.encode(self.queue.as_bytes());
        let Some(worker) = worker.filter(|name| !name.is_empty()) else {
            return Ok(format!("{}:{queue}", self.prefix));
        };
        if !worker.bytes().all(|byte| (b'!'..=b'~').contains(&byte)) {
            return Err(Error::Invalid {
                field: "name",
                rule: format!("must be printable ASCII without spaces, got `{worker}`"),
            });
        }
        Ok(format!("{}:{queue}:w:{worker}", self.prefix))
    }

    /// The client name that dashboards list listeners of the events by (WIRE §5.2).
    pub fn events_client_name(&self) -> String {
        let queue = STANDARD.encode(self.queue.as_bytes());
        format!("{}:{queue}:qe", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_under_prefix_and_queue() {
        let keys = QueueKeys::new("{bull}", "fine-tune").unwrap();
        assert_eq!(keys.key("wait"), "{bull}:fine-tune:wait");
        assert_eq!(keys.job_part("7", "lock"), "{bull}:fine-tune:7:lock");
        assert_eq!(keys.qualified(), "{bull}:fine-tune");
        assert_eq!(keys.own("cancel"), "{bull}::bullrs:cancel:fine-tune");
    }

    #[test]
    fn a_queue_name_with_a_colon_is_refused_by_name() {
        let error = QueueKeys::new("bull", "a:b").unwrap_err();
        assert_eq!(error.to_string(), "`queue` must not contain `:`, got `a:b`");
    }

    #[test]
    fn a_worker_is_counted_by_the_base64_of_its_queue() {
        let keys = QueueKeys::new("bull", "pq").unwrap();
        assert_eq!(keys.client_name(None).unwrap(), "bull:cHE=");
        assert_eq!(keys.client_name(Some("w1")).unwrap(), "bull:cHE=:w:w1");
        assert!(keys.client_name(Some("two words")).is_err());
    }
}
