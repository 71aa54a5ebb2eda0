//! What became of the rows of a window of time: sums by queue and name, and the latest failures.

use std::collections::BTreeSet;

use super::{
    Result, Store,
    database::Access,
    link::{Arg, Row},
    read::Cells,
};

/// Stands around each queue's name in the list of them; no queue has it in its name.
const SEPARATOR: char = '\u{1f}';

/// The rows of the window `$1` to `$2`, of the queues `$3`, each once.
///
/// A row that ended counts by when it ended, any other by when it changed last. An app may fill
/// neither column; what it wrote last counts then. Rows with a status of the app's own are no jobs.
macro_rules! rows_of_window {
    ($columns:literal) => {
        concat!(
            "select ",
            $columns,
            "
  from content_jobs as c
  where c.status in ('succeeded', 'failed', 'cancelled')
    and {c.finished_at within $1 $2}
    and ",
            rows_of_window!(@queues),
            "
  union all
  select ",
            $columns,
            "
  from content_jobs as c
  where {c.updated_at within $1 $2}
    and ",
            rows_of_window!(@not_ended),
            "
    and ",
            rows_of_window!(@queues),
            "
  union all
  select ",
            $columns,
            "
  from content_jobs as c
  where c.updated_at is null
    and {c.created_at within $1 $2}
    and ",
            rows_of_window!(@not_ended),
            "
    and ",
            rows_of_window!(@queues)
        )
    };
    (@not_ended) => {
        "(c.status in ('pending', 'queued', 'active', 'delayed')
         or c.finished_at is null and c.status in ('succeeded', 'failed', 'cancelled'))"
    };
    (@queues) => {
        "(cast($3 as text) is null
         or replace(cast($3 as text), '\u{1f}' || {c.queue} || '\u{1f}', '') <> cast($3 as text))"
    };
}

pub(super) const GROUPS: &str = concat!(
    "
with w (queue, name, status, made, took) as (
  ",
    rows_of_window!(
        "{c.queue}, {c.name}, {c.status}, {c.attempts_made},
         ({c.finished_at}) - ({c.started_at})"
    ),
    "
)
select coalesce(w.queue, ''),
       coalesce(w.name, ''),
       cast(sum(case when w.status = 'succeeded' then 1 else 0 end) as bigint),
       cast(sum(case when w.status = 'failed' then 1 else 0 end) as bigint),
       cast(sum(case when w.status = 'cancelled' then 1 else 0 end) as bigint),
       cast(sum(case when w.status in ('succeeded', 'failed', 'cancelled') then 0 else 1 end)
            as bigint),
       cast(sum(case when w.status = 'active' then coalesce(w.made, 0)
                     when w.made > 1 then w.made - 1
                     else 0 end) as bigint),
       cast(round(avg(case when w.status in ('succeeded', 'failed') and w.took >= 0 then w.took end))
            as bigint)
from w
group by 1, 2"
);

/// Only the beginning of an error leaves the database: a stack may be long.
pub(super) const FAILURES: &str = concat!(
    "
with w (id, queue, name, job_id, status, ended, made, error) as (
  ",
    rows_of_window!(
        "{c.id}, {c.queue}, {c.name}, {c.job_id}, {c.status},
         coalesce({c.finished_at}, {c.updated_at}, {c.created_at}), {c.attempts_made},
         substr({c.error}, 1, 4000)"
    ),
    "
)
select w.queue, w.name, w.job_id, w.ended, w.made, w.error
from w
where w.status = 'failed'
order by w.ended desc, w.id desc
limit $4"
);

/// Which rows a recap is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecapQuery {
    /// Start of the window, unix ms, included.
    pub from: i64,
    /// End of the window, unix ms, excluded.
    pub to: i64,
    /// Only these queues; none means every one.
    pub queues: Vec<String>,
    /// Most failures to list.
    pub failures: u32,
}

/// What became of the rows of a window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recap {
    /// By queue and name, in their order.
    pub counts: Vec<RecapCounts>,
    /// The latest rows that failed, newest first.
    pub failures: Vec<RecapFailed>,
}

/// The rows of one queue and name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecapCounts {
    /// The queue's name; empty where the rows have none.
    pub queue: String,
    /// The jobs' name; empty where the rows have none.
    pub name: String,
    /// Ended well in the window.
    pub succeeded: u64,
    /// Failed for good in the window.
    pub failed: u64,
    /// Cancelled in the window.
    pub cancelled: u64,
    /// Changed last in the window, and wait or run since.
    pub unfinished: u64,
    /// Attempts after the first, over the whole life of all these rows.
    pub retries: u64,
    /// Mean time of the last attempt of those that succeeded or failed, in ms; none where no start
    /// is known.
    pub mean_duration_ms: Option<u64>,
}

/// A row that failed for good.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecapFailed {
    /// The queue's name.
    pub queue: Option<String>,
    /// The job's name.
    pub name: Option<String>,
    /// BullMQ's id.
    pub job_id: Option<String>,
    /// When it failed, unix ms.
    pub at: i64,
    /// Attempts used up.
    pub attempts: u64,
    /// Why: the first 4,000 characters.
    pub error: Option<String>,
}

impl Store {
    /// Counts the rows that ended in a window, or changed last in it and have not ended, and lists
    /// the latest failures. The database finds the rows by index and sums them.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn recap(&self, query: &RecapQuery) -> Result<Recap> {
        let queues = list(&query.queues);
        let args = [
            query.from.into(),
            query.to.into(),
            Arg::maybe_text(queues.as_deref()),
            i64::from(query.failures).into(),
        ];
        let (of_window, all) = (args.get(..3).unwrap_or_default(), args.as_slice());
        let mut session = self.session("counting jobs", Access::Read).await?;
        let statements = session.statements();
        let groups = session.rows(&statements.recap_groups, of_window).await?;
        let failures = if query.failures == 0 {
            Vec::new()
        } else {
            session.rows(&statements.recap_failures, all).await?
        };
        session.end();
        let mut counts: Vec<RecapCounts> = groups.into_iter().map(counts).collect();
        counts.sort_by(|a, b| (&a.queue, &a.name).cmp(&(&b.queue, &b.name)));
        Ok(Recap {
            counts,
            failures: failures.into_iter().map(failed).collect(),
        })
    }
}

/// The names as one text, each between separators of its own.
fn list(queues: &[String]) -> Option<String> {
    let queues: BTreeSet<&String> = queues.iter().collect();
    (!queues.is_empty()).then(|| {
        queues
            .into_iter()
            .flat_map(|queue| [SEPARATOR.to_string(), queue.clone(), SEPARATOR.to_string()])
            .collect()
    })
}

fn counts(row: Row) -> RecapCounts {
    let mut cells = Cells::of(row);
    RecapCounts {
        queue: cells.text().unwrap_or_default(),
        name: cells.text().unwrap_or_default(),
        succeeded: whole(cells.int()).unwrap_or(0),
        failed: whole(cells.int()).unwrap_or(0),
        cancelled: whole(cells.int()).unwrap_or(0),
        unfinished: whole(cells.int()).unwrap_or(0),
        retries: whole(cells.int()).unwrap_or(0),
        mean_duration_ms: whole(cells.int()),
    }
}

fn failed(row: Row) -> RecapFailed {
    let mut cells = Cells::of(row);
    RecapFailed {
        queue: cells.text(),
        name: cells.text(),
        job_id: cells.text(),
        at: cells.int().unwrap_or(0),
        attempts: whole(cells.int()).unwrap_or(0),
        error: cells.text(),
    }
}

fn whole(number: Option<i64>) -> Option<u64> {
    number.and_then(|number| u64::try_from(number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_reads_the_window_by_its_indexes() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite:{}", folder.path().join("jobs.db").display());
            let store = Store::open(&url).await.unwrap();
            let mut session = store.session("planning", Access::Read).await.unwrap();
            let statements = session.statements();
            for sql in [&statements.recap_groups, &statements.recap_failures] {
                let plan = format!("explain query plan {sql}").into();
                let args = [1.into(), 2.into(), Arg::Text(None), 3.into()];
                let count = if sql.contains("$4") { 4 } else { 3 };
                let rows = session.rows(&plan, &args[..count]).await.unwrap();
                let steps: Vec<String> = rows
                    .into_iter()
                    .filter_map(|row| Cells::of(row.into_iter().skip(3).collect()).text())
                    .collect();
                let by_index = steps
                    .iter()
                    .filter(|step| step.starts_with("SEARCH c USING INDEX content_jobs_"));
                assert_eq!(by_index.count(), 6, "{steps:#?}");
                let scans = |step: &&String| step.starts_with("SCAN c");
                assert_eq!(steps.iter().find(scans), None, "{steps:#?}");
            }
        });
    }
}
