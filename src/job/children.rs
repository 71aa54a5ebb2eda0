//! The children of a job, by how they ended or that they have not (WIRE §1.2).

use std::{
    collections::{HashSet, VecDeque},
    future::{Future, IntoFuture},
    pin::Pin,
};

use futures_util::stream;
use serde::de::DeserializeOwned;

use super::JobSnapshot;
use crate::{
    Error, Result,
    queue::{BATCH_JOBS, JobStream, PAGE_IDS, Pace, Queue},
    script::call::{self, Scanned},
    wire::{QueueKeys, int_text, read_json},
};

/// How many scans one page takes at most. A scan of a set that has shrunk may find nothing.
const SCANS: usize = 10;

/// How children ended, or that they have not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChildKind {
    /// They have completed; each with what it returned.
    Processed,
    /// They have not finished, or their failure is not dealt with.
    Unprocessed,
    /// They have failed, which the job is to ignore or to go on after; each with the reason.
    Ignored,
    /// They have failed, and so does the job; each with the time.
    Failed,
}

impl ChildKind {
    const fn part(self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::Unprocessed => "dependencies",
            Self::Ignored => "failed",
            Self::Failed => "unsuccessful",
        }
    }
}

/// How many children a job has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChildCounts {
    /// Completed.
    pub processed: u64,
    /// Not finished.
    pub unprocessed: u64,
    /// Failed, which the job is to ignore.
    pub ignored: u64,
    /// Failed, and so does the job.
    pub failed: u64,
}

impl ChildCounts {
    pub(super) async fn read(queue: &Queue, id: &str) -> Result<Self> {
        let [processed, unprocessed, ignored, failed] =
            call::dependency_counts(queue.conn(), queue.keys()?, id).await?;
        Ok(Self {
            processed,
            unprocessed,
            ignored,
            failed,
        })
    }

    /// How many there are of a kind.
    pub fn of(&self, kind: ChildKind) -> u64 {
        match kind {
            ChildKind::Processed => self.processed,
            ChildKind::Unprocessed => self.unprocessed,
            ChildKind::Ignored => self.ignored,
            ChildKind::Failed => self.failed,
        }
    }
}

/// A child of a job.
#[derive(Clone)]
pub struct Child {
    kind: ChildKind,
    key: String,
    /// Where the id begins in `key`, and where the queue's name does.
    id_at: usize,
    queue_at: usize,
    beside: Option<String>,
    job: Option<JobSnapshot>,
}

impl Child {
    /// `prefix` is the parent's, which children have too unless they are of another deployment.
    fn new(kind: ChildKind, prefix: &str, key: String, beside: Option<String>) -> Self {
        // An id may contain `:`, the name of a queue may not.
        let own = key
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_prefix(':'))
            .and_then(|rest| rest.find(':'))
            .map(|length| (prefix.len() + 1, prefix.len() + 1 + length + 1));
        let (queue_at, id_at) = own.unwrap_or_else(|| {
            let id_at = key.rfind(':').map_or(0, |colon| colon + 1);
            let queue = key.get(..id_at.saturating_sub(1)).unwrap_or_default();
            (queue.rfind(':').map_or(0, |colon| colon + 1), id_at)
        });
        Self {
            kind,
            key,
            id_at,
            queue_at,
            beside,
            job: None,
        }
    }

    /// How it ended, or that it has not.
    pub fn kind(&self) -> ChildKind {
        self.kind
    }

    /// Its full key, such as `bull:images:7`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its id.
    pub fn id(&self) -> &str {
        self.key.get(self.id_at..).unwrap_or_default()
    }

    /// The name of its queue.
    pub fn queue(&self) -> &str {
        let end = self.id_at.saturating_sub(1);
        self.key.get(self.queue_at..end).unwrap_or_default()
    }

    /// What is stored of it, if that was asked for and it is not gone.
    pub fn job(&self) -> Option<&JobSnapshot> {
        self.job.as_ref()
    }

    /// What it returned, as JSON text; none unless it has completed.
    pub fn value(&self) -> Option<&str> {
        self.beside_of(ChildKind::Processed)
    }

    /// What it returned, as a `T`.
    ///
    /// # Errors
    /// When it has not completed, or its value is no `T`: with the path of the bad field.
    pub fn read_value<T: DeserializeOwned>(&self) -> Result<T> {
        let what = format!("the value of child `{}`", self.key);
        match self.value() {
            Some(json) => read_json(json, &what),
            None => Err(Error::Decode {
                what,
                reason: "the child has not completed".into(),
            }),
        }
    }

    /// Why it failed, where its failure is to be ignored.
    pub fn failed_reason(&self) -> Option<&str> {
        self.beside_of(ChildKind::Ignored)
    }

    /// When it failed, unix ms, where the job fails with it.
    pub fn failed_on(&self) -> Option<i64> {
        self.beside_of(ChildKind::Failed).and_then(int_text)
    }

    fn beside_of(&self, kind: ChildKind) -> Option<&str> {
        self.beside.as_deref().filter(|_| self.kind == kind)
    }
}

impl std::fmt::Debug for Child {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Child")
            .field("kind", &self.kind)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Some children of a job.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChildPage {
    /// In no order, except [`ChildKind::Failed`]: the earliest first.
    pub children: Vec<Child>,
    /// Where the next page goes on; none at the end.
    pub next: Option<u64>,
    /// How many children of this kind there are.
    pub total: u64,
}

/// Children about to be read; made by [`JobHandle::children`](super::JobHandle::children).
///
/// Awaited, it gives one page. Redis walks through sets and hashes in its own way: a page may have
/// somewhat more or fewer children than asked for, and a child that stays is on at least one of the
/// pages, on two if many others come or go meanwhile.
#[derive(Debug, Clone)]
#[must_use = "children are read only when this is awaited or streamed"]
pub struct ListChildren {
    queue: Queue,
    id: String,
    kind: ChildKind,
    cursor: u64,
    size: u64,
    with_jobs: bool,
}

impl ListChildren {
    pub(super) fn new(queue: Queue, id: String, kind: ChildKind) -> Self {
        Self {
            queue,
            id,
            kind,
            cursor: 0,
            size: 100,
            with_jobs: false,
        }
    }

    /// Goes on where another page ended: its `next`. Defaults to 0, the beginning.
    pub fn after(mut self, cursor: u64) -> Self {
        self.cursor = cursor;
        self
    }

    /// About how many children a page has, 1 to 1000. Defaults to 100.
    pub fn page_size(mut self, size: u64) -> Self {
        self.size = size.clamp(1, PAGE_IDS);
        self
    }

    /// Reads what is stored of each child too.
    pub fn with_jobs(mut self) -> Self {
        self.with_jobs = true;
        self
    }

    /// The children one after the other, each once or, as pages may overlap, twice.
    pub fn stream(self) -> JobStream<Child> {
        let start = (Some(self), VecDeque::new());
        JobStream::new(stream::unfold(start, |(mut list, mut found)| async move {
            loop {
                if let Some(child) = found.pop_front() {
                    return Some((Ok(child), (list, found)));
                }
                let reader: Self = list.take()?;
                match reader.page().await {
                    Ok(page) => {
                        found = page.children.into();
                        list = page.next.map(|next| reader.after(next));
                    }
                    Err(error) => return Some((Err(error), (None, found))),
                }
            }
        }))
    }

    /// All children, each once.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn all(self) -> Result<Vec<Child>> {
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        let mut list = Some(self);
        while let Some(reader) = list.take() {
            let page = reader.page().await?;
            all.extend(
                page.children
                    .into_iter()
                    .filter(|child| seen.insert(child.key.clone())),
            );
            list = page.next.map(|next| reader.after(next));
        }
        Ok(all)
    }

    async fn page(&self) -> Result<ChildPage> {
        let keys = self.queue.keys()?;
        let mut cursor = self.cursor;
        let mut found = Vec::new();
        for _ in 0..SCANS {
            let more;
            (cursor, more) = self.scan(keys, cursor).await?;
            found.extend(more);
            if cursor == 0 || !found.is_empty() {
                break;
            }
        }
        let child = |(key, beside)| Child::new(self.kind, keys.prefix(), key, beside);
        let mut children: Vec<Child> = found.into_iter().map(child).collect();
        if self.with_jobs {
            self.read_jobs(&mut children).await?;
        }
        let total = ChildCounts::read(&self.queue, &self.id)
            .await?
            .of(self.kind);
        Ok(ChildPage {
            children,
            next: (cursor != 0).then_some(cursor),
            total,
        })
    }

    async fn scan(&self, keys: &QueueKeys, cursor: u64) -> Result<Scanned> {
        let (conn, key) = (self.queue.conn(), keys.job_part(&self.id, self.kind.part()));
        match self.kind {
            ChildKind::Processed | ChildKind::Ignored => {
                call::scan_hash(conn, &key, cursor, self.size).await
            }
            ChildKind::Unprocessed => call::scan_set(conn, &key, cursor, self.size).await,
            ChildKind::Failed => call::page_of_failed(conn, &key, cursor, self.size).await,
        }
    }

    async fn read_jobs(&self, children: &mut [Child]) -> Result<()> {
        let mut pace = Pace::new(BATCH_JOBS);
        let mut start = 0;
        while let Some(left) = children.get_mut(start..).filter(|left| !left.is_empty()) {
            let size = pace.next().min(left.len());
            let (batch, _) = left.split_at_mut(size);
            let names: Vec<String> = batch.iter().map(|child| child.key.clone()).collect();
            let hashes = call::hashes(self.queue.conn(), &names).await?;
            let bytes = hashes
                .iter()
                .flatten()
                .map(|(name, text)| name.len() + text.len());
            pace.learn(size, bytes.sum());
            for (child, fields) in batch.iter_mut().zip(hashes) {
                if !fields.is_empty() {
                    let prefix = child.key.get(..child.queue_at.saturating_sub(1));
                    let keys = QueueKeys::new(prefix.unwrap_or_default(), child.queue())?;
                    child.job = Some(JobSnapshot::new(keys, child.id().to_owned(), fields));
                }
            }
            start += size;
        }
        Ok(())
    }
}

impl IntoFuture for ListChildren {
    type Output = Result<ChildPage>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.page().await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_childs_key_is_a_queue_and_an_id_with_or_without_colons() {
        let parts = |prefix, key: &str| {
            let child = Child::new(ChildKind::Unprocessed, prefix, key.to_owned(), None);
            (child.queue().to_owned(), child.id().to_owned())
        };
        let own = |queue: &str, id: &str| (queue.to_owned(), id.to_owned());
        assert_eq!(parts("bull", "bull:q:7"), own("q", "7"));
        assert_eq!(parts("bull", "bull:q:repeat:s:7"), own("q", "repeat:s:7"));
        assert_eq!(parts("a:b", "a:b:q:7"), own("q", "7"));
        assert_eq!(parts("bull", "{other}:q:7"), own("q", "7"));
        assert_eq!(parts("bull", "bullish:q:7"), own("q", "7"));
        for odd in ["", ":", "::", "7", "bull", "bull:", "bull:q", "é:é"] {
            let _never_panics = parts("bull", odd);
        }
        assert_eq!(parts("bull", "7"), own("", "7"));
    }
}
