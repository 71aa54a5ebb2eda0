//! From a handler's verdict to an outcome that Redis has accepted.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use futures_util::future::LocalBoxFuture;
use tracing::{error, info, warn};

use super::{Errand, Fetcher};
use crate::{
    clock,
    error::Rule,
    script::call::{self, Finish, FinishKind},
    worker::{
        RawJob, Settled, SettledState,
        control::{Phase, Tally},
        executor::Executed,
        lane::Lane,
        outbox::Outgoing,
        verdict::{Ending, Fault, Verdict},
    },
};

/// Pause before an errand that Redis' absence broke off is tried again.
const ERRAND_RETRY: Duration = Duration::from_millis(200);

impl Fetcher {
    /// Takes what the handlers have sent so far, so that one call carries all of it.
    pub(super) fn take_executed(&mut self) {
        while let Ok(executed) = self.executed.try_recv() {
            self.on_executed(executed);
        }
    }

    pub(super) fn on_executed(&mut self, executed: Executed) {
        let Executed {
            sequence,
            job,
            verdict,
        } = executed;
        if !self.lane.leave(sequence) {
            return;
        }
        self.running -= 1;
        if self.lane.is_lost(sequence) {
            return self.abandon(sequence);
        }
        self.send(sequence, job, verdict);
    }

    fn send(&mut self, sequence: u64, job: RawJob, verdict: Verdict) {
        match verdict {
            Verdict::Finish {
                kind,
                fields,
                state,
            } => {
                self.outbox
                    .push(outgoing(sequence, &job, kind, fields, state));
            }
            Verdict::Abandon => self.abandon(sequence),
            Verdict::WaitChildren => {
                self.running_errands += 1;
                self.errands
                    .push(wait_for_children(Rc::clone(&self.lane), sequence, job));
            }
            Verdict::RateLimit(window) => {
                self.running_errands += 1;
                self.errands
                    .push(rate_limit(Rc::clone(&self.lane), sequence, job, window));
            }
        }
    }

    fn abandon(&mut self, sequence: u64) {
        Tally::add(&self.lane.shared.tally.lost);
        self.lane.forget(sequence);
    }

    /// Gives a job up whose outcome Redis refuses to take.
    pub(super) fn give_up(&mut self, one: &Outgoing) {
        Tally::add(&self.lane.shared.tally.abandoned);
        if let Some(sequence) = one.sequence {
            self.lane.forget(sequence);
        }
    }

    /// Reads the code of one finished job (WIRE §4.0).
    pub(super) fn on_code(&mut self, one: Outgoing, code: i64) {
        match code {
            0.. => {
                if matches!(one.finish.kind, FinishKind::Wait) && code > 0 {
                    self.limit_for(Duration::from_millis(code.unsigned_abs()));
                }
                self.written(one);
            }
            -1 | -2 | -3 | -6 if one.ambiguous => {
                self.running_errands += 1;
                self.errands
                    .push(was_it_written(Rc::clone(&self.lane), one, code));
            }
            -4 => self.fail_instead(one, None, "has pending dependencies"),
            -9 => self.fail_instead(
                one,
                Some(Rule::Unrecoverable),
                "has at least one failed child",
            ),
            _ => {
                error!(
                    target: "bullrs::worker",
                    queue = &*self.lane.queue, job_id = one.finish.id, code,
                    reason = crate::error::explain(code),
                    "redis refused the job's outcome; it is not written"
                );
                match one.sequence {
                    Some(sequence) => self.abandon(sequence),
                    None => self.give_up(&one),
                }
            }
        }
    }

    /// A job that cannot complete because of its children fails by the ordinary rules (WIRE §5.5).
    fn fail_instead(&mut self, one: Outgoing, rule: Option<Rule>, what: &str) {
        let (Some(sequence), Some((job, _))) = (one.sequence, one.story) else {
            return;
        };
        let id = job.id();
        let reason = if rule.is_some() {
            format!("Cannot complete job {id} because it {what}. moveToFinished")
        } else {
            format!("Job {id} {what}. moveToFinished")
        };
        let fault = Fault {
            trace: format!("Error: {reason}"),
            reason,
            rule,
        };
        let rules = &self.lane.execution.rules;
        let verdict = rules.decide(Ending::Failed(fault), job.record(), clock::random());
        self.send(sequence, job, verdict);
    }

    /// Redis has accepted the outcome: count it, log it, tell the observer.
    fn written(&mut self, one: Outgoing) {
        if let Some(sequence) = one.sequence {
            self.lane.forget(sequence);
        }
        let tally = &self.lane.shared.tally;
        let Some((job, state)) = one.story else {
            return Tally::add(&tally.released);
        };
        let attempts_made = job.record().attempts_made;
        let (counter, attempts_made) = match &state {
            SettledState::Completed(_) => (Some(&tally.completed), attempts_made + 1),
            SettledState::Failed(_) => (Some(&tally.failed), attempts_made + 1),
            SettledState::Retried { .. } => (Some(&tally.retried), attempts_made + 1),
            SettledState::Released => (Some(&tally.released), attempts_made),
            SettledState::Delayed(_) | SettledState::WaitingChildren => (None, attempts_made),
        };
        if let Some(counter) = counter {
            Tally::add(counter);
        }
        log(&job, &state);
        if let Some(observer) = &self.lane.execution.observer {
            observer.settled(Settled {
                job,
                state,
                attempts_made,
                at: clock::now(),
            });
        }
    }

    pub(super) fn on_errand(&mut self, errand: Errand) {
        match errand {
            Errand::MarkerRestored => self.wake_ups.restoring -= 1,
            Errand::Interrupted => self.on_interrupted(),
            Errand::Again(errand) if self.phase() < Phase::Releasing => self.errands.push(errand),
            Errand::Done | Errand::Again(_) => self.running_errands -= 1,
            Errand::Write(one) => {
                self.running_errands -= 1;
                self.outbox.push(one);
            }
            Errand::Written(one) => {
                self.running_errands -= 1;
                self.written(one);
            }
            Errand::Limited(one, window) => {
                self.running_errands -= 1;
                self.limit_for(window);
                self.outbox.push(one);
            }
            Errand::Found(Ok(claims)) => {
                self.looking_for_claims = false;
                self.claims_lost = false;
                for (id, lock_token) in claims {
                    warn!(
                        target: "bullrs::worker", queue = &*self.lane.queue, job_id = id,
                        "handing back a job whose claim was cut off"
                    );
                    self.outbox.push(Outgoing::hand_back(id, lock_token));
                }
            }
            Errand::Found(Err(error)) => {
                self.looking_for_claims = false;
                self.claims_lost = error.is_transient();
                self.back_off(&error);
            }
        }
    }

    /// Drops the handlers that still run and hands their jobs back.
    pub(super) fn release_running(&mut self) {
        for (sequence, held) in self.lane.drop_running() {
            self.running = self.running.saturating_sub(1);
            let mut back = Outgoing::hand_back(held.id.clone(), held.lock_token.clone());
            back.sequence = Some(sequence);
            back.story = held
                .job
                .get()
                .cloned()
                .map(|job| (job, SettledState::Released));
            self.outbox.push(back);
        }
    }
}

fn outgoing(
    sequence: u64,
    job: &RawJob,
    kind: FinishKind,
    fields: Vec<u8>,
    state: SettledState,
) -> Outgoing {
    let finish = Finish {
        id: job.id().to_owned(),
        lock_token: job.lock_token().to_owned(),
        kind,
        fields,
    };
    Outgoing {
        sequence: Some(sequence),
        finish,
        story: Some((job.clone(), state)),
        ambiguous: false,
        alone: false,
    }
}

fn wait_for_children(
    lane: Rc<Lane>,
    sequence: u64,
    job: RawJob,
) -> LocalBoxFuture<'static, Errand> {
    Box::pin(async move {
        let moved = call::move_to_waiting_children(
            &lane.conn,
            &lane.keys,
            job.id(),
            job.lock_token(),
            None,
            clock::now(),
        );
        match moved.await {
            Ok(true) => Errand::Written(outgoing(
                sequence,
                &job,
                FinishKind::Wait,
                Vec::new(),
                SettledState::WaitingChildren,
            )),
            // No child is pending any more: it runs again at once.
            Ok(false) => Errand::Write(outgoing(
                sequence,
                &job,
                FinishKind::Wait,
                Vec::new(),
                SettledState::Released,
            )),
            Err(error) if error.is_transient() => {
                pause().await;
                Errand::Again(wait_for_children(lane, sequence, job))
            }
            Err(error) => {
                let failed_child = matches!(error, crate::Error::FailedChildren { .. });
                let reason = if failed_child {
                    let id = job.id();
                    format!(
                        "Cannot complete job {id} because it has at least one failed child. moveToWaitingChildren"
                    )
                } else {
                    error.to_string()
                };
                let fault = Fault {
                    trace: format!("Error: {reason}"),
                    reason,
                    rule: failed_child.then_some(Rule::Unrecoverable),
                };
                let rules = &lane.execution.rules;
                match rules.decide(Ending::Failed(fault), job.record(), clock::random()) {
                    Verdict::Finish {
                        kind,
                        fields,
                        state,
                    } => Errand::Write(outgoing(sequence, &job, kind, fields, state)),
                    _ => Errand::Done,
                }
            }
        }
    })
}

fn rate_limit(
    lane: Rc<Lane>,
    sequence: u64,
    job: RawJob,
    window: Duration,
) -> LocalBoxFuture<'static, Errand> {
    Box::pin(async move {
        let millis = u64::try_from(window.as_millis()).unwrap_or(u64::MAX);
        match call::rate_limit(&lane.conn, &lane.keys, millis).await {
            Err(error) if error.is_transient() => {
                pause().await;
                return Errand::Again(rate_limit(lane, sequence, job, window));
            }
            Err(error) => {
                error!(target: "bullrs::worker", queue = &*lane.queue, %error, "cannot limit the queue's rate");
            }
            Ok(()) => {}
        }
        let back = outgoing(
            sequence,
            &job,
            FinishKind::Wait,
            Vec::new(),
            SettledState::Released,
        );
        Errand::Limited(back, window)
    })
}

/// After a broken connection the first try may have gone through: then the lock is gone because
/// we gave it up. The attempt counter tells.
fn was_it_written(lane: Rc<Lane>, one: Outgoing, code: i64) -> LocalBoxFuture<'static, Errand> {
    Box::pin(async move {
        let counts = !matches!(
            one.finish.kind,
            FinishKind::Wait
                | FinishKind::Delayed {
                    skip_attempt: true,
                    ..
                }
        );
        let before = one
            .story
            .as_ref()
            .map_or(0, |(job, _)| i64::from(job.record().attempts_made));
        match call::attempts_made(&lane.conn, &lane.keys, &one.finish.id).await {
            Err(error) if error.is_transient() => {
                pause().await;
                Errand::Again(was_it_written(lane, one, code))
            }
            Ok(made) if !counts || made.is_none_or(|made| made > before) => Errand::Written(one),
            _ => {
                error!(
                    target: "bullrs::worker",
                    queue = &*lane.queue, job_id = one.finish.id, code,
                    reason = crate::error::explain(code),
                    "redis refused the job's outcome; it is not written"
                );
                if let Some(sequence) = one.sequence {
                    Tally::add(&lane.shared.tally.lost);
                    lane.forget(sequence);
                }
                Errand::Done
            }
        }
    })
}

async fn pause() {
    tokio::time::sleep_until((Instant::now() + ERRAND_RETRY).into()).await;
}

/// One line for each job, under a target of its own so that it can be silenced.
fn log(job: &RawJob, state: &SettledState) {
    let record = job.record();
    let (queue, job_id, job_name, attempt) = (job.queue(), job.id(), job.name(), job.attempt());
    let duration_ms = clock::now().saturating_sub(record.processed_on).max(0);
    match state {
        SettledState::Completed(_) => {
            info!(target: "bullrs::job", queue, job_id, job_name, attempt, duration_ms, "completed");
        }
        SettledState::Failed(reason) => {
            error!(target: "bullrs::job", queue, job_id, job_name, attempt, duration_ms, reason, "failed");
        }
        SettledState::Retried { reason, delay } => {
            warn!(
                target: "bullrs::job",
                queue, job_id, job_name, attempt, duration_ms, reason, retry_in_ms = delay,
                "attempt failed"
            );
        }
        SettledState::Delayed(delay) => {
            info!(target: "bullrs::job", queue, job_id, job_name, attempt, delay_ms = delay, "put off");
        }
        SettledState::Released => {
            info!(target: "bullrs::job", queue, job_id, job_name, attempt, "handed back");
        }
        SettledState::WaitingChildren => {
            info!(target: "bullrs::job", queue, job_id, job_name, attempt, "waits for its children");
        }
    }
}
