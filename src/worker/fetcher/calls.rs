//! Launching calls and reading what they claimed.

use std::{
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use tracing::{error, warn};

use super::{Call, Errand, Fetcher};
use crate::{
    Error, clock,
    script::call::{self, Claimed},
    worker::{
        control::Phase,
        executor::Held,
        outbox::{JOBS_PER_CALL, Outgoing},
    },
};

/// Calls of one queue that may be in flight at once.
const CALLS_IN_FLIGHT: usize = 2;
/// A second call sets off beside one in flight only for a batch of at least this many outcomes;
/// smaller ones are cheaper together.
const SECOND_CALL_FROM: usize = 16;
/// Bytes of job hashes to claim in one call, by the mean of recent ones.
const CLAIM_BYTES: usize = 1024 * 1024;
/// Jobs up to this size come packed into one text: that costs Redis three copies of them, and saves
/// both sides the handling of some ten short texts for each.
const PACKED_BELOW: usize = 16 * 1024;
/// Jobs whose locks are looked at after a claim's reply was lost.
const LOST_CLAIMS_LOOKED_AT: usize = 5000;

impl Fetcher {
    /// Sets off as many calls as there is reason for.
    pub(super) fn launch_calls(&mut self) {
        while self.retry_at.is_none() {
            if self.claims_lost {
                self.look_for_lost_claims();
                return;
            }
            if self.calls.len() >= CALLS_IN_FLIGHT
                || (!self.calls.is_empty() && self.outbox.len() < SECOND_CALL_FROM)
            {
                return;
            }
            let outgoing = self.outbox.take_batch();
            let claim = self.how_many_to_claim(&outgoing);
            if outgoing.is_empty() && claim == 0 {
                return;
            }
            self.launch(outgoing, claim);
        }
    }

    fn how_many_to_claim(&self, outgoing: &[Outgoing]) -> usize {
        let pointless = outgoing.is_empty() && (self.drained || self.claims_in_flight > 0);
        if pointless || !self.may_claim() || outgoing.iter().any(|one| one.alone) {
            return 0;
        }
        // Two claims at once would both fill the same room under a name.
        if self.lane.has_limited_names() && self.claims_in_flight > 0 {
            return 0;
        }
        let by_size = (CLAIM_BYTES / self.job_size.max(1)).max(1);
        self.free().min(JOBS_PER_CALL).min(by_size)
    }

    fn launch(&mut self, outgoing: Vec<Outgoing>, claim: usize) {
        let held = outgoing.len().max(claim);
        self.calling += held;
        self.claims_in_flight += usize::from(claim > 0);
        let first = self.sequence;
        self.sequence += claim as u64;
        for sequence in outgoing.iter().filter_map(|one| one.sequence) {
            self.lane.set_in_flight(sequence, true);
        }
        let room = if claim > 0 {
            self.lane.room_under_names(&outgoing)
        } else {
            Vec::new()
        };
        let lane = Rc::clone(&self.lane);
        let finishes = outgoing.iter().map(|one| &one.finish);
        let pack = self.job_size < PACKED_BELOW;
        let call = lane
            .batch
            .call(clock::now(), finishes, claim, first, pack, &room);
        self.calls.push(Box::pin(async move {
            let reply = call.send(&lane.conn, &lane.batch).await;
            Call {
                outgoing,
                claim,
                held,
                reply,
            }
        }));
    }

    pub(super) fn on_call(&mut self, call: Call) {
        let Call {
            outgoing,
            claim,
            held,
            reply,
        } = call;
        self.calling -= held;
        self.claims_in_flight -= usize::from(claim > 0);
        for sequence in outgoing.iter().filter_map(|one| one.sequence) {
            self.lane.set_in_flight(sequence, false);
        }
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) => return self.on_broken_call(outgoing, claim, &error),
        };
        if self.failures > 0 {
            warn!(target: "bullrs::worker", queue = &*self.lane.queue, "redis is back");
            self.failures = 0;
            self.lane.shared.pulse.set_trouble(&self.lane.queue, None);
        }
        for (one, code) in outgoing.into_iter().zip(reply.codes) {
            self.on_code(one, code);
        }
        if claim > 0 {
            self.drained = reply.claimed.len() < claim && reply.rate_limited == 0;
            self.next_due = if self.drained { reply.next_due } else { 0 };
            if reply.held_up {
                self.drained = true;
            }
            self.limit_for(Duration::from_millis(reply.rate_limited));
            self.slots.started(reply.claimed.len());
            self.pass_on(reply.passed_over && reply.claimed.is_empty());
            if !reply.claimed.is_empty() {
                self.told_drained = false;
            } else if reply.rate_limited == 0 && !reply.held_up {
                self.tell_drained();
            }
        }
        for claimed in reply.claimed {
            if self.phase() < Phase::Cancelling {
                self.start(claimed);
            } else {
                // Claimed by a call that was in flight when the worker began to let go.
                let Claimed { id, lock_token, .. } = claimed;
                self.outbox.push(Outgoing::hand_back(id, lock_token));
            }
        }
    }

    /// Tells the observer that a claim found nothing, once until one finds something again.
    fn tell_drained(&mut self) {
        if !std::mem::replace(&mut self.told_drained, true)
            && let Some(observer) = &self.lane.execution.observer
        {
            observer.drained(&self.lane.queue);
        }
    }

    /// A marker that woke us for jobs whose name has no room here is put back once, so that a
    /// worker with room wakes; when it comes back to us there is none.
    fn pass_on(&mut self, in_vain: bool) {
        let woken = std::mem::take(&mut self.wake_ups.woken);
        self.wake_ups.passed_on = in_vain && woken && !self.wake_ups.passed_on;
        if self.wake_ups.passed_on {
            self.restore_marker();
        }
    }

    /// Hands a claimed job to its handler.
    fn start(&mut self, claimed: Claimed) {
        self.job_size = (self.job_size * 7 + claimed.size()) / 8;
        let sequence = claimed.sequence;
        let held = Arc::new(Held {
            id: claimed.id.clone(),
            lock_token: claimed.lock_token.clone(),
            name: self.lane.has_limited_names().then(|| claimed.name()),
            since: Instant::now(),
            cancellation: Arc::default(),
            job: std::sync::OnceLock::new(),
        });
        let execution = Arc::clone(&self.lane.execution);
        let executed_to = self.executed_to.clone();
        let job = Arc::clone(&held);
        let handler = self.handlers.spawn(async move {
            let executed = execution.run(sequence, job, claimed).await;
            // Nobody listens any more only when the worker has ended.
            let _ended = executed_to.send(executed);
        });
        self.running += 1;
        self.lane.hold(sequence, held, handler.abort_handle());
    }

    fn on_broken_call(&mut self, mut outgoing: Vec<Outgoing>, claim: usize, error: &Error) {
        if error.is_transient() {
            for one in &mut outgoing {
                one.ambiguous |= error.is_ambiguous();
            }
            self.claims_lost |= claim > 0 && error.is_ambiguous();
            self.outbox.put_back(outgoing);
            return self.back_off(error);
        }
        let refused = outgoing.len();
        match <[Outgoing; 1]>::try_from(outgoing) {
            Ok([one]) if claim == 0 => {
                error!(
                    target: "bullrs::worker",
                    queue = &*self.lane.queue, job_id = one.finish.id, %error,
                    "cannot write the job's outcome; a stalled check will hand it back"
                );
                self.give_up(&one);
            }
            Ok([one]) => self.outbox.put_back(vec![Outgoing { alone: true, ..one }]),
            Err(many) if refused > 0 => {
                // One of them is refused; alone, each shows whether it is the one.
                let alone = many.into_iter().map(|one| Outgoing { alone: true, ..one });
                self.outbox.put_back(alone.collect());
            }
            Err(_) => self.back_off(error),
        }
    }

    pub(super) fn back_off(&mut self, error: &Error) {
        if self.failures.is_power_of_two() || self.failures == 0 {
            warn!(
                target: "bullrs::worker",
                queue = &*self.lane.queue, %error, unwritten = self.outbox.len(),
                "cannot reach redis; running jobs go on, their outcomes are kept"
            );
        }
        let pulse = &self.lane.shared.pulse;
        pulse.set_trouble(&self.lane.queue, Some(error));
        self.failures = self.failures.saturating_add(1);
        let wait = Duration::from_millis(50 << self.failures.min(5));
        let wait = if self.phase() >= Phase::Releasing {
            wait.min(Duration::from_millis(50))
        } else {
            wait
        };
        self.retry_at = Some(Instant::now() + wait);
    }

    /// Before anything else: jobs that we own without knowing would stall.
    fn look_for_lost_claims(&mut self) {
        if !self.calls.is_empty() || self.looking_for_claims {
            return;
        }
        self.looking_for_claims = true;
        let lane = Rc::clone(&self.lane);
        self.errands.push(Box::pin(async move {
            let known = lane.ids();
            let found = call::find_lost_claims(
                &lane.conn,
                &lane.keys,
                &lane.lock_base,
                LOST_CLAIMS_LOOKED_AT,
                known.iter().map(String::as_str),
            );
            Errand::Found(found.await)
        }));
    }
}
