//! How many jobs may run over all queues of the process, and how the queues share that.
//!
//! Without a rule a queue with a backlog would keep every slot, since it claims its next job in the
//! same call that finishes the last one. So each queue has a share of the slots by its weight. A
//! share that is not used is anybody's; what the shares leave over, or all of it when there are
//! more queues than slots, goes to the queue that has started least for its weight.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use tokio::sync::Notify;

/// One queue's place among those that share (single thread, hence `Rc`).
#[derive(Debug, Clone)]
pub(super) struct Slots {
    place: usize,
    total: Rc<Total>,
}

#[derive(Debug)]
struct Total {
    limit: usize,
    places: RefCell<Vec<Place>>,
    used: Cell<usize>,
    changed: Notify,
}

#[derive(Debug, Clone)]
struct Place {
    weight: f64,
    used: usize,
    /// It would claim now if it had a slot.
    hungry: bool,
    /// Jobs started, divided by the weight.
    pass: f64,
}

impl Slots {
    /// Places for queues of these weights, which together run at most `limit` jobs.
    pub(super) fn of(limit: Option<usize>, weights: impl IntoIterator<Item = u32>) -> Vec<Self> {
        let places: Vec<Place> = weights
            .into_iter()
            .map(|weight| Place {
                weight: f64::from(weight.max(1)),
                used: 0,
                hungry: true,
                pass: 0.0,
            })
            .collect();
        let count = places.len();
        let total = Rc::new(Total {
            limit: limit.unwrap_or(usize::MAX),
            places: RefCell::new(places),
            used: Cell::new(0),
            changed: Notify::new(),
        });
        (0..count)
            .map(|place| Self {
                place,
                total: Rc::clone(&total),
            })
            .collect()
    }

    /// Whether the limit can ever hold a queue back.
    pub(super) fn is_limited(&self) -> bool {
        self.total.limit != usize::MAX
    }

    /// How many slots this queue may take beyond the `used` ones that it has at this moment.
    pub(super) fn allowance(&self, used: usize) -> usize {
        if !self.is_limited() {
            return usize::MAX;
        }
        let places = self.total.places.borrow();
        let Some(own) = places.get(self.place) else {
            return 0;
        };
        let elsewhere = self.total.used.get().saturating_sub(own.used);
        let free = self.total.limit.saturating_sub(elsewhere + used);
        let others = || {
            let all = places.iter().enumerate();
            all.filter(|(place, _)| *place != self.place)
        };
        if free == 0 || !others().any(|(_, other)| other.hungry) {
            return free;
        }
        let sharing = others().filter(|(_, other)| other.hungry || other.used > 0);
        let weights = own.weight + sharing.map(|(_, other)| other.weight).sum::<f64>();
        let share = |weight: f64| whole(self.total.limit, weight / weights);
        let own_share = share(own.weight);
        if used < own_share {
            return free.min(own_share - used);
        }
        let mut hungry = others().filter(|(_, other)| other.hungry);
        let is_next = hungry.all(|(place, other)| {
            let earlier = (own.pass, self.place) < (other.pass, place);
            other.used >= share(other.weight) && earlier
        });
        usize::from(is_next)
    }

    /// Brings this queue's count up to date, and whether it would take more.
    pub(super) fn account(&self, used: usize, hungry: bool) {
        let mut places = self.total.places.borrow_mut();
        let least = places.iter().enumerate();
        let least = least
            .filter(|(place, other)| *place != self.place && other.hungry)
            .map(|(_, other)| other.pass)
            .reduce(f64::min);
        let Some(own) = places.get_mut(self.place) else {
            return;
        };
        let changed = used < own.used || hungry != own.hungry;
        if hungry && !own.hungry {
            // What it did not want while it rested, it cannot claim now.
            own.pass = own.pass.max(least.unwrap_or(own.pass));
        }
        let before = std::mem::replace(&mut own.used, used);
        own.hungry = hungry;
        drop(places);
        let all = self.total.used.get() + used;
        self.total.used.set(all.saturating_sub(before));
        if changed && self.is_limited() {
            self.total.changed.notify_waiters();
        }
    }

    /// Notes that jobs were started.
    pub(super) fn started(&self, count: usize) {
        if count == 0 || !self.is_limited() {
            return;
        }
        if let Some(own) = self.total.places.borrow_mut().get_mut(self.place) {
            #[expect(clippy::cast_precision_loss, reason = "a call starts a few jobs")]
            let count = count as f64;
            own.pass += count / own.weight;
        }
        self.total.changed.notify_waiters();
    }

    /// Waits until another queue gives a slot back, or wants one less or more.
    pub(super) async fn changed(&self) {
        self.total.changed.notified().await;
    }
}

/// The whole slots of a share. Rounding must not take one away: a third of 3 is 1.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of slots are small and not negative"
)]
fn whole(limit: usize, share: f64) -> usize {
    (limit as f64 * share + 1e-9) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Queues with endless work that run `rounds` jobs of the same length, all slots refilled each
    /// time; gives the starts of each.
    fn starts(limit: usize, weights: &[u32], rounds: usize) -> Vec<usize> {
        let places = Slots::of(Some(limit), weights.iter().copied());
        let mut started = vec![0; weights.len()];
        for _ in 0..rounds {
            let mut used = vec![0; weights.len()];
            loop {
                let mut any = false;
                for (at, place) in places.iter().enumerate() {
                    let more = place.allowance(used[at]);
                    if more > 0 {
                        any = true;
                        used[at] += more;
                        started[at] += more;
                        place.account(used[at], true);
                        place.started(more);
                    }
                }
                if !any {
                    break;
                }
            }
            assert_eq!(used.iter().sum::<usize>(), limit, "slots stay empty");
            for place in &places {
                place.account(0, true);
            }
        }
        started
    }

    #[test]
    fn slots_are_shared_by_weight() {
        assert_eq!(starts(10, &[1, 1], 10), [50, 50]);
        assert_eq!(starts(4, &[3, 1], 10), [30, 10]);
        assert_eq!(starts(10, &[3, 1], 100), [750, 250]);
    }

    #[test]
    fn more_queues_than_slots_take_turns_by_weight() {
        assert_eq!(starts(1, &[1, 1, 1], 9), [3, 3, 3]);
        assert_eq!(starts(1, &[3, 1], 40), [30, 10]);
    }

    #[test]
    fn what_another_does_not_want_is_free_to_take() {
        let places = Slots::of(Some(8), [1, 1]);
        assert_eq!(places[0].allowance(0), 4);
        places[1].account(0, false);
        assert_eq!(places[0].allowance(0), 8);
        places[0].account(8, true);
        // The other wakes: it gets each slot that comes free, until both have the same.
        places[1].account(0, true);
        assert_eq!((places[0].allowance(8), places[1].allowance(0)), (0, 0));
        places[0].account(7, true);
        assert_eq!((places[0].allowance(7), places[1].allowance(0)), (0, 1));
    }

    #[test]
    fn a_queue_that_rested_has_saved_nothing() {
        let places = Slots::of(Some(1), [1, 1]);
        places[1].account(0, false);
        places[0].started(1000);
        places[1].account(0, true);
        places[1].started(1);
        assert_eq!((places[0].allowance(0), places[1].allowance(0)), (1, 0));
    }

    #[test]
    fn without_a_limit_nobody_waits() {
        let places = Slots::of(None, [1, 1]);
        places[0].account(5000, true);
        assert_eq!(places[1].allowance(0), usize::MAX);
    }
}
