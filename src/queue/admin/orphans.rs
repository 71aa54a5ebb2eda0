//! The search for jobs that no state holds.

use std::collections::BTreeSet;

use super::sweep::{Limited, Operation, sealed::Step};
use crate::{
    Result,
    queue::Queue,
    script::call::{self, JOB_PARTS, QUEUE_PARTS},
};

/// See [`Queue::remove_orphans`](crate::Queue::remove_orphans).
#[derive(Debug, Clone, Default)]
pub struct RemoveOrphans {
    /// Where the scan goes on; none before it and after it.
    cursor: Option<u64>,
    is_scanned: bool,
    /// Ids found that have not been looked up.
    pending: Vec<String>,
}

impl Step for RemoveOrphans {
    type Found = u64;

    async fn step(&mut self, queue: &Queue, most: u64) -> Result<(u64, bool)> {
        let (conn, keys) = (queue.conn(), queue.keys()?);
        if self.pending.is_empty() && !self.is_scanned {
            let cursor = self.cursor.unwrap_or(0);
            let (next, suffixes) = call::scan(conn, keys, cursor, most).await?;
            self.is_scanned = next == 0;
            self.cursor = Some(next);
            let ids: BTreeSet<&str> = suffixes.iter().filter_map(|key| job_of(key)).collect();
            self.pending = ids.into_iter().map(str::to_owned).collect();
        }
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let from = self.pending.len().saturating_sub(most);
        let batch = &self.pending[from..];
        let removed = if batch.is_empty() {
            0
        } else {
            call::remove_orphaned(conn, keys, batch).await?
        };
        self.pending.truncate(from);
        Ok((removed, !self.pending.is_empty() || !self.is_scanned))
    }
}

impl Operation for RemoveOrphans {}
impl Limited for RemoveOrphans {}

/// The id of the job that a key without the queue's prefix may belong to. (An id with a `:` in it
/// cannot be told from a key of another kind, as in stock.)
fn job_of(key: &str) -> Option<&str> {
    let (id, part) = match key.split_once(':') {
        Some((id, part)) => (id, Some(part)),
        None => (key, None),
    };
    let may_be = !QUEUE_PARTS.contains(&id) && part.is_none_or(|part| JOB_PARTS.contains(&part));
    may_be.then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_s_own_keys_belong_to_no_job() {
        for key in [
            "wait",
            "meta",
            "de:x",
            "repeat:s",
            "repeat:s:1",
            "metrics:completed",
            "a:b",
        ] {
            assert_eq!(job_of(key), None, "{key}");
        }
        assert_eq!(job_of("7"), Some("7"));
        assert_eq!(job_of("7:logs"), Some("7"));
    }
}
