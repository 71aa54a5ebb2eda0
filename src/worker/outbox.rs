//! Outcomes on their way to Redis: kept until they are written, whatever happens to Redis.

use std::collections::VecDeque;

use super::{RawJob, SettledState};
use crate::script::call::{Finish, FinishKind};

/// Most outcomes in one call, and most bytes of them, so that Redis is never held up for long
/// (BENCH: 50 jobs are about half a millisecond).
pub(super) const JOBS_PER_CALL: usize = 50;
const BYTES_PER_CALL: usize = 512 * 1024;

/// One outcome to write.
pub(super) struct Outgoing {
    /// Its entry among the held jobs; none for a claim whose reply was lost.
    pub(super) sequence: Option<u64>,
    pub(super) finish: Finish,
    /// What to tell when it is written; none for a job whose hash was never read.
    pub(super) story: Option<(RawJob, SettledState)>,
    /// An earlier call with it broke off, so it may be written already.
    pub(super) ambiguous: bool,
    /// An earlier call with it raised, so it goes alone.
    pub(super) alone: bool,
}

impl Outgoing {
    /// Puts a job of which no more is known back to the front of its queue.
    pub(super) fn hand_back(id: String, lock_token: String) -> Self {
        let finish = Finish {
            id,
            lock_token,
            kind: FinishKind::Wait,
            fields: Vec::new(),
        };
        Self {
            sequence: None,
            finish,
            story: None,
            ambiguous: false,
            alone: false,
        }
    }
}

/// The queue of outcomes.
#[derive(Default)]
pub(super) struct Outbox(VecDeque<Outgoing>);

impl Outbox {
    pub(super) fn push(&mut self, outgoing: Outgoing) {
        self.0.push_back(outgoing);
    }

    /// Puts a call's outcomes back at the front, in their order.
    pub(super) fn put_back(&mut self, outgoing: Vec<Outgoing>) {
        for one in outgoing.into_iter().rev() {
            self.0.push_front(one);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The next call's outcomes: bounded in number and bytes, but at least one.
    pub(super) fn take_batch(&mut self) -> Vec<Outgoing> {
        let mut bytes = 0;
        let mut count = 0;
        for one in self.0.iter().take(JOBS_PER_CALL) {
            bytes += one.finish.size();
            if count > 0 && (bytes > BYTES_PER_CALL || one.alone) {
                break;
            }
            count += 1;
            if one.alone {
                break;
            }
        }
        self.0.drain(..count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::KeepJobs;

    fn outgoing(id: usize, bytes: usize, alone: bool) -> Outgoing {
        let kind = FinishKind::Completed {
            value: "x".repeat(bytes),
            keep: KeepJobs::ALL,
        };
        let finish = Finish {
            id: id.to_string(),
            lock_token: String::new(),
            kind,
            fields: Vec::new(),
        };
        Outgoing {
            sequence: None,
            finish,
            story: None,
            ambiguous: false,
            alone,
        }
    }

    fn batches(outgoing: Vec<Outgoing>) -> Vec<usize> {
        let mut outbox = Outbox::default();
        for one in outgoing {
            outbox.push(one);
        }
        std::iter::from_fn(|| (outbox.len() > 0).then(|| outbox.take_batch().len())).collect()
    }

    #[test]
    fn a_call_is_bounded_in_jobs_and_in_bytes() {
        assert_eq!(
            batches((0..120).map(|id| outgoing(id, 1, false)).collect()),
            [50, 50, 20]
        );
        assert_eq!(
            batches((0..3).map(|id| outgoing(id, 300_000, false)).collect()),
            [1, 1, 1]
        );
        assert_eq!(batches(vec![outgoing(0, 9_000_000, false)]), [1]);
    }

    #[test]
    fn what_raised_before_goes_alone() {
        let mixed = [false, true, false, false].map(|alone| outgoing(0, 1, alone));
        assert_eq!(batches(mixed.into()), [1, 1, 2]);
    }

    #[test]
    fn what_is_put_back_goes_first() {
        let mut outbox = Outbox::default();
        outbox.push(outgoing(3, 1, false));
        outbox.put_back(vec![outgoing(1, 1, false), outgoing(2, 1, false)]);
        let ids: Vec<_> = outbox
            .take_batch()
            .into_iter()
            .map(|one| one.finish.id)
            .collect();
        assert_eq!(ids, ["1", "2", "3"]);
    }
}
