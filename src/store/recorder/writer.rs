//! The one task that writes: in order, many at a time, for as long as it takes.

use std::{sync::Arc, time::Duration};

use super::{
    super::{Applied, Change, Error, Result, Started, Store},
    inbox::{Inbox, Next, Write},
};

/// How long nothing may happen before the database is asked for a sign of life.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// The first pause after a failure; each further one is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Writes until the recorder is gone and nothing is left.
pub(super) async fn write_all(store: Store, inbox: Arc<Inbox>) {
    let writer = Writer { store, inbox };
    loop {
        match writer.inbox.next(ASK_EVERY).await {
            Next::Write(mut batch) => {
                let left = writer.write(std::mem::take(&mut batch.writes)).await;
                writer.inbox.done(&batch);
                if let Err(left) = left {
                    writer.give_up(left);
                    return;
                }
            }
            Next::Ask => match writer.store.ping().await {
                Ok(()) => writer.inbox.answered(),
                Err(error) => {
                    writer.inbox.failed(&error.to_string());
                }
            },
            Next::End => return,
        }
    }
}

struct Writer {
    store: Store,
    inbox: Arc<Inbox>,
}

/// The writes that are left when the recorder is gone and the database does not answer.
type Left = usize;

impl Writer {
    /// Makes writes in one transaction; if the database refuses a value, each for itself.
    async fn write(&self, mut writes: Vec<Write>) -> Result<(), Left> {
        let count = writes.len();
        let refusal = match self.until_answered(&mut writes).await? {
            Ok(applied) => {
                reply(writes, applied);
                return Ok(());
            }
            Err(refusal) => refusal,
        };
        if count > 1 {
            for (done, write) in writes.into_iter().enumerate() {
                self.write_alone(write, None)
                    .await
                    .map_err(|_left| count - done)?;
            }
            return Ok(());
        }
        match writes.pop() {
            Some(write) => self.write_alone(write, Some(refusal)).await,
            None => Ok(()),
        }
    }

    /// Makes one write, or as much of it as the database takes.
    async fn write_alone(&self, write: Write, refusal: Option<Error>) -> Result<(), Left> {
        let mut writes = vec![write];
        let refusal = match refusal {
            Some(refusal) => refusal,
            None => match self.until_answered(&mut writes).await? {
                Ok(applied) => {
                    reply(writes, applied);
                    return Ok(());
                }
                Err(refusal) => refusal,
            },
        };
        let Some(write) = writes.pop() else {
            return Ok(());
        };
        tracing::warn!(error = %refusal, job = job_of(&write), "the database refused a write");
        if let Some(reply) = write.reply {
            let _gone = reply.send(Err(refusal));
            return Ok(());
        }
        // A status is worth more than what came with it.
        let change = write.change.map(|change| Write {
            change: Some(without_values(change)),
            event: None,
            reply: None,
        });
        let event = write.event.map(|mut event| {
            event.data = None;
            Write::event(event)
        });
        for part in [change, event].into_iter().flatten() {
            let mut part = vec![part];
            if let Err(refusal) = self.until_answered(&mut part).await? {
                self.inbox.count_refused();
                let job = part.first().map(job_of);
                tracing::error!(error = %refusal, job, "gave up a write that the database refuses");
            }
        }
        Ok(())
    }

    /// Tries until the database took the writes or refused them. Writes that were withdrawn
    /// meanwhile are dropped.
    async fn until_answered(
        &self,
        writes: &mut Vec<Write>,
    ) -> Result<std::result::Result<Applied, Error>, Left> {
        let mut pause = FIRST_PAUSE;
        loop {
            writes.retain(|write| !write.is_withdrawn());
            if writes.is_empty() {
                return Ok(Ok(Applied::default()));
            }
            let changes: Vec<_> = writes.iter().filter_map(|w| w.change.as_ref()).collect();
            let events: Vec<_> = writes.iter().filter_map(|w| w.event.as_ref()).collect();
            match self.store.apply_all(&changes, &events).await {
                Ok(applied) => {
                    self.inbox.answered();
                    return Ok(Ok(applied));
                }
                Err(error) if error.is_refusal() => {
                    self.inbox.answered();
                    return Ok(Err(error));
                }
                Err(error) => {
                    tracing::warn!(%error, waiting = self.inbox.waiting(), "cannot record jobs");
                    if !self.inbox.failed(&error.to_string()) {
                        return Err(writes.len());
                    }
                }
            }
            self.inbox.pause(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn give_up(&self, left: Left) {
        let left = left + self.inbox.waiting();
        tracing::error!(
            left,
            "the database is away and the recorder gone: writes are lost"
        );
    }
}

/// Answers those who wait for what their start found.
fn reply(writes: Vec<Write>, applied: Applied) {
    let mut started = applied.started.into_iter();
    for write in writes {
        if !matches!(write.change, Some(Change::Start { .. })) {
            continue;
        }
        let found = started.next().unwrap_or(Started::Missing);
        if let Some(reply) = write.reply {
            let _gone = reply.send(Ok(found));
        }
    }
}

fn without_values(change: Change) -> Change {
    match change {
        Change::Settle(settlement) => Change::Settle(super::super::Settlement {
            result: None,
            progress: None,
            ..settlement
        }),
        other => other,
    }
}

fn job_of(write: &Write) -> &str {
    match (&write.change, &write.event) {
        (Some(change), _) => &change.run().job_id,
        (None, Some(event)) => event.job_id.as_deref().unwrap_or_default(),
        (None, None) => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Run, Settlement, Status};

    #[test]
    fn a_refused_outcome_keeps_its_status_without_its_values() {
        let settlement = Settlement {
            run: Run {
                content_job_id: "c1".into(),
                queue: "content".into(),
                name: "generate".into(),
                job_id: "1".into(),
                attempts_made: 0,
                attempts_started: 1,
                max_attempts: 1,
                queued_at: 1,
                started_at: 2,
            },
            status: Status::Succeeded,
            attempts_made: 1,
            result: Some("{}".into()),
            error: None,
            progress: Some("1".into()),
            at: 3,
        };
        let Change::Settle(kept) = without_values(Change::Settle(settlement.clone())) else {
            panic!("another change");
        };
        assert_eq!(
            kept,
            Settlement {
                result: None,
                progress: None,
                ..settlement
            }
        );
    }
}
