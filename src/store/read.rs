//! Reading rows, pages and timelines.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{
    Error, EventRow, JobFilter, JobRow, Page, Result, Status, Store, Timeline,
    database::Access,
    json,
    link::{Arg, Cell, Row},
};

/// Rows of a page when the caller does not say.
const USUAL_PAGE: u32 = 50;
/// Most rows of a page.
const MOST_ROWS: u32 = 500;

impl Store {
    /// The row with this id, if there is one.
    ///
    /// # Errors
    /// When the database is away or the row does not read.
    pub async fn job(&self, id: &str) -> Result<Option<JobRow>> {
        let mut session = self.session("reading a job", Access::Read).await?;
        let statements = session.statements();
        let rows = match session.rows(&statements.job, &[Arg::text(id)]).await {
            // Such as a text that is no `uuid`, where the app's ids are.
            Err(Error::Refused { .. }) => return Ok(None),
            rows => rows?,
        };
        session.end();
        rows.into_iter()
            .next()
            .map(|row| job_row(row).map(|(job, _)| job))
            .transpose()
    }

    /// The sealed payload of a row: none where there is no row, or no payload.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn payload(&self, id: &str) -> Result<Option<String>> {
        let mut session = self.session("reading a payload", Access::Read).await?;
        let statements = session.statements();
        let rows = match session.rows(&statements.payload, &[Arg::text(id)]).await {
            Err(Error::Refused { .. }) => return Ok(None),
            rows => rows?,
        };
        session.end();
        Ok(rows
            .into_iter()
            .next()
            .and_then(|row| Cells::of(row).text()))
    }

    /// A page of rows, newest first by `created_at` and id. Rows that were added meanwhile do not
    /// shift later pages. A row without `created_at` (an app's own table may allow it) is not
    /// listed.
    ///
    /// # Errors
    /// [`Error::Cursor`] for a cursor that is none; when the database is away or a row does not
    /// read.
    pub async fn jobs(&self, filter: &JobFilter) -> Result<Page> {
        let limit = match filter.limit {
            0 => USUAL_PAGE,
            limit => limit.min(MOST_ROWS),
        };
        let statuses = (!filter.statuses.is_empty()).then(|| {
            let statuses: Vec<&str> = filter.statuses.iter().map(Status::as_str).collect();
            format!(",{},", statuses.join(","))
        });
        let (sort_key, id) = match &filter.after {
            None => (Arg::Int(None), None),
            Some(cursor) => {
                let (sort_key, id) = read_cursor(cursor)?;
                (sort_key, Some(id))
            }
        };
        let args = [
            Arg::maybe_text(statuses.as_deref()),
            Arg::maybe_text(filter.queue.as_deref()),
            Arg::maybe_text(filter.name.as_deref()),
            Arg::maybe_text(filter.job_id.as_deref()),
            sort_key,
            Arg::maybe_text(id.as_deref()),
            i64::from(limit + 1).into(),
        ];
        let mut session = self.session("listing jobs", Access::Read).await?;
        let statements = session.statements();
        let rows = session.rows(&statements.jobs, &args).await?;
        session.end();
        let mut jobs = rows
            .into_iter()
            .map(job_row)
            .collect::<Result<Vec<(JobRow, Cell)>>>()?;
        let more = jobs.len() > limit as usize;
        jobs.truncate(limit as usize);
        let next = jobs
            .last()
            .filter(|_| more)
            .map(|(job, sort_key)| write_cursor(sort_key, &job.id));
        Ok(Page {
            jobs: jobs.into_iter().map(|(job, _)| job).collect(),
            next,
        })
    }

    /// The events of a timeline that were stored after the one with the id `after` (0 for all), in
    /// the order in which they were stored; at most `limit`.
    ///
    /// # Errors
    /// When the database is away or a row does not read.
    pub async fn events(
        &self,
        timeline: &Timeline,
        after: i64,
        limit: u32,
    ) -> Result<Vec<EventRow>> {
        let mut session = self.session("reading events", Access::Read).await?;
        let statements = session.statements();
        let limit = Arg::from(i64::from(limit));
        let rows = match timeline {
            Timeline::Row(id) => {
                let args = [Arg::text(id), after.into(), limit];
                session.rows(&statements.events_of_row, &args).await
            }
            Timeline::Job { queue, job_id } => {
                let args = [Arg::text(queue), Arg::text(job_id), after.into(), limit];
                session.rows(&statements.events_of_job, &args).await
            }
        };
        let rows = match rows {
            Err(Error::Refused { .. }) => return Ok(Vec::new()),
            rows => rows?,
        };
        session.end();
        rows.into_iter().map(event_row).collect()
    }

    /// Up to `limit` ids and payloads that are sealed under another key than `key_id`, in the
    /// order of ids, after the one given.
    pub(super) async fn sealed_otherwise(
        &self,
        key_id: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<(String, String)>> {
        let prefix = format!("v1.{key_id}.");
        let args = [
            Arg::text(&prefix),
            Arg::maybe_text(after),
            i64::from(limit).into(),
        ];
        let mut session = self.session("reading payloads", Access::Read).await?;
        let statements = session.statements();
        let rows = session.rows(&statements.sealed_otherwise, &args).await?;
        session.end();
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let mut cells = Cells::of(row);
                Some((cells.text()?, cells.text()?))
            })
            .collect())
    }
}

/// The cells of a row, one after the other.
pub(super) struct Cells(std::vec::IntoIter<Cell>);

impl Cells {
    pub(super) fn of(row: Row) -> Self {
        Self(row.into_iter())
    }

    pub(super) fn text(&mut self) -> Option<String> {
        match self.0.next() {
            Some(Cell::Text(text)) => Some(text),
            Some(Cell::Int(number)) => Some(number.to_string()),
            Some(Cell::Null) | None => None,
        }
    }

    pub(super) fn int(&mut self) -> Option<i64> {
        match self.0.next() {
            Some(Cell::Int(number)) => Some(number),
            Some(Cell::Text(text)) => text.parse().ok(),
            Some(Cell::Null) | None => None,
        }
    }
}

/// A row, and its exact `created_at` for the cursor.
fn job_row(row: Row) -> Result<(JobRow, Cell)> {
    let mut cells = Cells::of(row);
    let id = cells.text().ok_or_else(|| missing("content_jobs", "id"))?;
    let row = JobRow {
        queue: cells.text(),
        name: cells.text(),
        job_id: cells.text(),
        status: cells
            .text()
            .as_deref()
            .map(Status::from)
            .ok_or_else(|| missing(&format!("content_jobs row `{id}`"), "status"))?,
        has_payload: cells.int() == Some(1),
        result: cells.text().as_deref().map(json::raw),
        error: cells.text(),
        progress: cells.text().as_deref().map(json::raw),
        attempts_made: cells.int().unwrap_or(0),
        attempts_started: cells.int().unwrap_or(0),
        max_attempts: cells.int().unwrap_or(1),
        created_at: cells.int(),
        queued_at: cells.int(),
        started_at: cells.int(),
        finished_at: cells.int(),
        updated_at: cells.int(),
        id,
    };
    Ok((row, cells.0.next().unwrap_or(Cell::Null)))
}

fn event_row(row: Row) -> Result<EventRow> {
    let mut cells = Cells::of(row);
    let id = cells.int().ok_or_else(|| missing("job_events", "id"))?;
    Ok(EventRow {
        id,
        content_job_id: cells.text(),
        queue: cells.text().unwrap_or_default(),
        job_id: cells.text(),
        stream_id: cells.text(),
        event: cells.text().unwrap_or_default(),
        attempt: cells.int(),
        message: cells.text(),
        data: cells.text().as_deref().map(json::raw),
        at: cells.int(),
    })
}

fn missing(what: &str, column: &str) -> Error {
    Error::Decode {
        what: format!("`{column}` of {what}"),
        reason: "it is null".into(),
    }
}

/// `created_at` and id of the last row, opaque to callers.
fn write_cursor(sort_key: &Cell, id: &str) -> String {
    let text = match sort_key {
        Cell::Int(number) => format!("i{number}\n{id}"),
        Cell::Text(text) => format!("t{text}\n{id}"),
        Cell::Null => format!("n\n{id}"),
    };
    URL_SAFE_NO_PAD.encode(text)
}

fn read_cursor(cursor: &str) -> Result<(Arg<'static>, String)> {
    let text = URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or(Error::Cursor)?;
    let (sort_key, id) = text.split_once('\n').ok_or(Error::Cursor)?;
    let sort_key = match sort_key.split_at_checked(1) {
        Some(("i", number)) => Arg::Int(Some(number.parse().map_err(|_| Error::Cursor)?)),
        Some(("t", text)) => Arg::Text(Some(text.to_owned().into())),
        _ => return Err(Error::Cursor),
    };
    Ok((sort_key, id.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_any_other_text_is_refused() {
        let cursor = write_cursor(&Cell::Int(1_700_000_000_000_123), "a\nb");
        let (sort_key, id) = read_cursor(&cursor).unwrap();
        assert!(matches!(sort_key, Arg::Int(Some(1_700_000_000_000_123))));
        assert_eq!(id, "a\nb");
        for broken in ["", "%", "aQ", &URL_SAFE_NO_PAD.encode("ix\nid")] {
            assert_eq!(read_cursor(broken).err(), Some(Error::Cursor));
        }
    }
}
