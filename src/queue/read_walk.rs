//! Walking through the ids of one state page by page, while jobs come and go.

use std::collections::HashSet;

use crate::{
    Result,
    conn::Conn,
    script::call::{self, Placed},
    wire::{JobState, QueueKeys, StateKey},
};

/// How many ids one command reads at most.
pub const PAGE_IDS: u64 = 1000;
/// How many job hashes one round trip reads at most.
pub const BATCH_JOBS: usize = 100;
/// About how many bytes of job hashes one round trip reads, by the size of those before.
pub const BATCH_BYTES: usize = 1 << 20;

/// How many hashes of unknown size to read at first.
const FIRST_BATCH: usize = 10;
/// How often a place is looked for anew when the ids move meanwhile.
const TRIES: usize = 3;

/// How many things of unknown size to ask for at once, by the size of those that came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    next: usize,
    most: usize,
}

impl Pace {
    pub(crate) const fn new(most: usize) -> Self {
        Self {
            next: if most < FIRST_BATCH {
                most
            } else {
                FIRST_BATCH
            },
            most,
        }
    }

    pub(crate) const fn next(self) -> usize {
        self.next
    }

    /// Learns the size of what came. Grows by steps, shrinks at once.
    pub(crate) fn learn(&mut self, things: usize, bytes: usize) {
        if things == 0 {
            return;
        }
        let fitting = BATCH_BYTES / (bytes / things).max(1);
        self.next = fitting.min(self.next.saturating_mul(4)).clamp(1, self.most);
    }
}

/// A walk through the ids of a state. Every page goes on where the last one ended, also when ids
/// before it have gone or come; it ends after as many ids as there were at its start.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) at: StateKey,
    ascending: bool,
    /// The place where the next page begins, if nothing has moved.
    next: u64,
    left: u64,
    started: bool,
    /// Ids of the last page by which its end is found again: the last one, and ever fewer before it.
    anchors: Vec<Placed>,
    last_page: HashSet<String>,
}

impl Walk {
    pub(super) fn new(at: StateKey, ascending: bool, first: u64, most: u64) -> Self {
        Self {
            at,
            ascending,
            next: first,
            left: most,
            started: false,
            anchors: Vec::new(),
            last_page: HashSet::new(),
        }
    }

    /// The next ids, at most `most` and at most [`PAGE_IDS`]; none at the end.
    pub(super) async fn page(
        &mut self,
        conn: &Conn,
        keys: &QueueKeys,
        most: u64,
    ) -> Result<Vec<String>> {
        if !self.started {
            let length = call::state_length(conn, keys, self.at).await?;
            self.left = self.left.min(length.saturating_sub(self.next));
            self.started = true;
        }
        while self.left > 0 {
            let size = most.min(PAGE_IDS).min(self.left).max(1);
            let page = self.read(conn, keys, size).await?;
            if page.is_empty() {
                self.left = 0;
                break;
            }
            let ids: Vec<String> = page.iter().map(|placed| placed.id.clone()).collect();
            self.anchors = anchors(&page);
            let seen = std::mem::replace(&mut self.last_page, ids.iter().cloned().collect());
            let mut fresh: Vec<String> = ids.into_iter().filter(|id| !seen.contains(id)).collect();
            let count = u64::try_from(fresh.len()).unwrap_or(u64::MAX);
            self.left = self.left.saturating_sub(count);
            fresh.retain(|id| !is_marker(self.at, id));
            if !fresh.is_empty() {
                return Ok(fresh);
            }
        }
        Ok(Vec::new())
    }

    /// Reads ids from where the last page ended. The page is asked for together with the last id
    /// before it: as long as that one is in its place, nothing has moved.
    async fn read(&mut self, conn: &Conn, keys: &QueueKeys, size: u64) -> Result<Vec<Placed>> {
        let mut anchor = (0, self.next.saturating_sub(1));
        for _ in 0..TRIES {
            let Some(expected) = self.anchors.get(anchor.0) else {
                break;
            };
            let range = (anchor.1, anchor.1 + size);
            let mut page = call::state_page(conn, keys, self.at, range, self.ascending).await?;
            if page.first().is_some_and(|first| first.id == expected.id) {
                page.remove(0);
                self.next = anchor.1 + 1 + u64::try_from(page.len()).unwrap_or(0);
                return Ok(page);
            }
            let ids: Vec<&str> = self
                .anchors
                .iter()
                .map(|placed| placed.id.as_str())
                .collect();
            match call::state_place(conn, keys, self.at, &ids, self.ascending).await? {
                Some(place) => anchor = place,
                None => break,
            }
        }
        let Some(first) = self.place_without_anchor(conn, keys).await? else {
            return Ok(Vec::new());
        };
        let range = (first, first + size - 1);
        let page = call::state_page(conn, keys, self.at, range, self.ascending).await?;
        self.next = first + u64::try_from(page.len()).unwrap_or(0);
        Ok(page)
    }

    /// Where to go on when the ids by which the last page's end is found are gone; none at the end.
    async fn place_without_anchor(&self, conn: &Conn, keys: &QueueKeys) -> Result<Option<u64>> {
        let Some(last) = self.anchors.first() else {
            return Ok(Some(self.next));
        };
        if let Some(score) = last.score {
            let before = call::state_before(conn, keys, self.at, score, self.ascending).await?;
            return Ok(Some(before));
        }
        // Jobs leave a list at its old end. If a page of them has left, so has all that was older;
        // but active jobs leave in any order.
        Ok(match (self.ascending, self.at.state) {
            (true, _) => Some(0),
            (false, JobState::Active) => Some(self.next),
            (false, _) => None,
        })
    }
}

/// The last of a page, the one before it, the second, the fourth, ... and the first.
fn anchors(page: &[Placed]) -> Vec<Placed> {
    let last = page.len().saturating_sub(1);
    let steps = std::iter::successors(Some(1_usize), |step| step.checked_mul(2));
    let steps = steps.take_while(|step| *step < last);
    let mut places: Vec<usize> = [0].into_iter().chain(steps).chain([last]).collect();
    places.dedup();
    let place = |back: usize| page.get(last - back).cloned();
    places.into_iter().filter_map(place).collect()
}

/// Before version 5 the lists had markers among the ids (WIRE §1.2).
fn is_marker(at: StateKey, id: &str) -> bool {
    at.is_list && id.starts_with("0:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_page_is_known_by_ever_fewer_of_its_ids() {
        let places = |length: u32| -> Vec<String> {
            let page: Vec<Placed> = (0..length)
                .map(|id| Placed {
                    id: id.to_string(),
                    score: None,
                })
                .collect();
            anchors(&page).into_iter().map(|placed| placed.id).collect()
        };
        assert_eq!(places(0), [""; 0]);
        assert_eq!(places(1), ["0"]);
        assert_eq!(places(2), ["1", "0"]);
        assert_eq!(places(10), ["9", "8", "7", "5", "1", "0"]);
        assert_eq!(places(1000).len(), 12);
    }

    #[test]
    fn a_batch_grows_while_hashes_are_small_and_shrinks_at_once() {
        let mut pace = Pace::new(BATCH_JOBS);
        assert_eq!(pace.next(), 10);
        pace.learn(10, 10_000);
        assert_eq!(pace.next(), 40);
        pace.learn(40, 40_000);
        assert_eq!(pace.next(), BATCH_JOBS);
        pace.learn(100, 100 << 20);
        assert_eq!(pace.next(), 1);
        pace.learn(1, 1000);
        assert_eq!(pace.next(), 4);
        pace.learn(0, 0);
        assert_eq!(pace.next(), 4);
    }
}
