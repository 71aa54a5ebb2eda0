//! Many changes at once: one transaction, and a handful of round trips however many there are.

use std::collections::{HashMap, HashSet};

use super::{
    Change, NewEvent, Result, Run, Settlement, Started, Store,
    database::{Access, Session},
    json,
    link::{Arg, Cell},
    sql::Statements,
};

/// What came of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// What each [`Change::Start`] found, in their order.
    pub started: Vec<Started>,
    /// How many rows changed; changes that a guard held back do not count.
    pub changed: u64,
}

impl Store {
    /// Makes changes and appends events in one transaction: all of it or nothing. Changes of one
    /// row happen in the order given. Making the same call again changes nothing.
    ///
    /// # Errors
    /// When the database is away, or refuses a value ([`Error::Refused`](super::Error::Refused));
    /// then nothing was written.
    pub async fn apply(&self, changes: &[Change], events: &[NewEvent]) -> Result<Applied> {
        let changes: Vec<&Change> = changes.iter().collect();
        let events: Vec<&NewEvent> = events.iter().collect();
        self.apply_all(&changes, &events).await
    }

    pub(super) async fn apply_all(
        &self,
        changes: &[&Change],
        events: &[&NewEvent],
    ) -> Result<Applied> {
        let mut session = self.session("recording jobs", Access::Write).await?;
        let statements = session.statements();
        session.begin().await?;
        let mut applied = Applied::default();
        for wave in waves(changes) {
            wave.write(&mut session, &statements, &mut applied).await?;
        }
        let rows: Vec<_> = events
            .iter()
            .map(|event| event_args(event, statements.jsonb))
            .collect();
        session.execute_set(&statements.append, &rows).await?;
        session.commit().await?;
        session.end();
        Ok(applied)
    }

    /// Appends events and returns how many were new.
    ///
    /// # Errors
    /// When the database is away or refuses a value; then none was appended.
    pub async fn append(&self, events: &[NewEvent]) -> Result<u64> {
        let mut session = self.session("appending events", Access::Write).await?;
        let statements = session.statements();
        let rows: Vec<_> = events
            .iter()
            .map(|event| event_args(event, statements.jsonb))
            .collect();
        session.begin().await?;
        let appended = session.execute_set(&statements.append, &rows).await?;
        session.commit().await?;
        session.end();
        Ok(appended)
    }
}

/// Changes of different rows, which may be made in any order and so kind by kind.
#[derive(Default)]
struct Wave<'a> {
    starts: Vec<(&'a Run, i64)>,
    progress: Vec<(&'a Run, &'a str, i64)>,
    settlements: Vec<&'a Settlement>,
}

/// Cuts changes into waves, in none of which a row stands twice.
fn waves<'a>(changes: &[&'a Change]) -> Vec<Wave<'a>> {
    let mut waves = Vec::new();
    let mut wave = Wave::default();
    let mut rows = HashSet::new();
    for change in changes {
        if !rows.insert(change.run().content_job_id.as_str()) {
            waves.push(std::mem::take(&mut wave));
            rows.clear();
            rows.insert(change.run().content_job_id.as_str());
        }
        match change {
            Change::Start { run, at } => wave.starts.push((run, *at)),
            Change::Progress { run, progress, at } => wave.progress.push((run, progress, *at)),
            Change::Settle(settlement) => wave.settlements.push(settlement),
        }
    }
    waves.push(wave);
    waves
}

impl Wave<'_> {
    async fn write(
        &self,
        session: &mut Session<'_>,
        statements: &Statements,
        applied: &mut Applied,
    ) -> Result<()> {
        let starts: Vec<_> = self
            .starts
            .iter()
            .map(|(run, at)| run_args(run, run.attempts_made, *at))
            .collect();
        applied.changed += session.execute_set(&statements.start, &starts).await?;
        let identities: Vec<_> = self
            .starts
            .iter()
            .map(|(run, _)| identity_args(run))
            .collect();
        let found = session.rows_set(&statements.started, &identities).await?;
        let mut found: HashMap<String, Started> = found.into_iter().filter_map(started).collect();
        applied.started.extend(self.starts.iter().map(|(run, _)| {
            found
                .remove(&run.content_job_id)
                .unwrap_or(Started::Missing)
        }));
        let progress: Vec<_> = self
            .progress
            .iter()
            .map(|(run, progress, at)| {
                let mut args = identity_args(run);
                args.push(Arg::Text(Some(json::storable(progress, statements.jsonb))));
                args.push((*at).into());
                args
            })
            .collect();
        applied.changed += session.execute_set(&statements.progress, &progress).await?;
        let settlements: Vec<_> = self
            .settlements
            .iter()
            .map(|settlement| settlement_args(settlement, statements.jsonb))
            .collect();
        applied.changed += session
            .execute_set(&statements.settle, &settlements)
            .await?;
        Ok(())
    }
}

fn started(row: Vec<Cell>) -> Option<(String, Started)> {
    let mut cells = row.into_iter();
    let Some(Cell::Text(id)) = cells.next() else {
        return None;
    };
    let payload = match cells.next() {
        Some(Cell::Text(payload)) => Some(payload),
        _ => None,
    };
    let owned = matches!(cells.next(), Some(Cell::Int(1)));
    Some((
        id,
        if owned {
            Started::Row { payload }
        } else {
            Started::Superseded { payload }
        },
    ))
}

fn run_args(run: &Run, attempts_made: u32, at: i64) -> Vec<Arg<'_>> {
    vec![
        Arg::text(&run.content_job_id),
        Arg::text(&run.queue),
        Arg::text(&run.name),
        Arg::text(&run.job_id),
        Arg::count(attempts_made),
        Arg::count(run.attempts_started),
        Arg::count(run.max_attempts),
        run.queued_at.into(),
        run.started_at.into(),
        at.into(),
    ]
}

fn identity_args(run: &Run) -> Vec<Arg<'_>> {
    vec![
        Arg::text(&run.content_job_id),
        Arg::text(&run.job_id),
        Arg::count(run.attempts_started),
        run.started_at.into(),
    ]
}

fn settlement_args(settlement: &Settlement, jsonb: bool) -> Vec<Arg<'_>> {
    let json = |text: &'_ Option<String>| -> Option<String> {
        text.as_deref()
            .map(|text| json::storable(text, jsonb).into_owned())
    };
    let mut args = run_args(&settlement.run, settlement.attempts_made, settlement.at);
    args.push(Arg::text(settlement.status.as_str()));
    args.push(Arg::Text(json(&settlement.result).map(Into::into)));
    args.push(Arg::maybe_text(settlement.error.as_deref()));
    args.push(Arg::Text(json(&settlement.progress).map(Into::into)));
    args
}

fn event_args(event: &NewEvent, jsonb: bool) -> Vec<Arg<'_>> {
    vec![
        Arg::maybe_text(event.content_job_id.as_deref()),
        Arg::text(&event.queue),
        Arg::maybe_text(event.job_id.as_deref()),
        Arg::maybe_text(event.stream_id.as_deref()),
        Arg::text(&event.event),
        event.attempt.map_or(Arg::Int(None), Arg::count),
        Arg::maybe_text(event.message.as_deref()),
        Arg::Text(
            event
                .data
                .as_deref()
                .map(|data| json::storable(data, jsonb)),
        ),
        event.at.into(),
    ]
}
