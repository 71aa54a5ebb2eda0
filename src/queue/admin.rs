//! What an operator does to a queue as a whole.

mod orphans;
mod sweep;
mod sweeps;

pub use orphans::RemoveOrphans;
pub use sweep::{Found, Limited, Operation, Sweep};
pub use sweeps::{Clean, Cleanable, Drain, Obliterate, PromoteAll, RetryAll};

use super::Queue;
use crate::{Result, script::call};

impl Queue {
    /// Stops all workers from taking jobs of this queue, until [`resume`](Self::resume). Running
    /// jobs go on, and jobs may be added.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn pause(&self) -> Result<()> {
        call::pause(self.conn(), self.keys()?).await
    }

    /// Lets workers take jobs again. Jobs that a 5.x client had put aside stand in front.
    ///
    /// # Errors
    /// When Redis cannot be reached. Calling it again then goes on where it stopped.
    pub async fn resume(&self) -> Result<()> {
        call::resume(self.conn(), self.keys()?).await
    }

    /// Removes every job that waits, with or without a priority, but not the next iteration of a
    /// job scheduler. [`Sweep::with_delayed`] removes delayed jobs too.
    pub fn drain(&self) -> Sweep<'_, Drain> {
        Sweep::new(self, Drain::default())
    }

    /// Removes the jobs of one state, but none that a worker holds and no next iteration of a job
    /// scheduler. Gives their ids.
    pub fn clean(&self, state: Cleanable) -> Sweep<'_, Clean> {
        Sweep::new(self, Clean::new(state))
    }

    /// Pauses the queue and deletes it with all its jobs and schedulers. Refused while jobs are
    /// active, unless [by force](Sweep::force); the queue stays paused then.
    ///
    /// Jobs that wait for their children stay, as in stock.
    pub fn obliterate(&self) -> Sweep<'_, Obliterate> {
        Sweep::new(self, Obliterate::default())
    }

    /// Makes every failed job ready to run again, without resetting its attempts.
    pub fn retry_all(&self) -> Sweep<'_, RetryAll> {
        Sweep::new(self, RetryAll::default())
    }

    /// Makes every delayed job ready to run.
    pub fn promote_all(&self) -> Sweep<'_, PromoteAll> {
        Sweep::new(self, PromoteAll::default())
    }

    /// Deletes jobs that no state of the queue holds, with their logs and the like.
    ///
    /// Looks at every key of the database. Also what others have put under the queue's own prefix
    /// counts as a job (WIRE §1.2).
    pub fn remove_orphans(&self) -> Sweep<'_, RemoveOrphans> {
        Sweep::new(self, RemoveOrphans::default())
    }

    /// Opens a deduplication window, whoever owns it: the next job with this id is added. Says
    /// whether there was one.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn remove_deduplication_key(&self, id: &str) -> Result<bool> {
        call::remove_key(self.conn(), self.keys()?, &format!("de:{id}")).await
    }

    /// Cuts the event stream to about `length` entries, and returns how many went.
    ///
    /// # Errors
    /// When Redis cannot be reached.
    pub async fn trim_events(&self, length: u64) -> Result<u64> {
        call::trim_events(self.conn(), self.keys()?, length).await
    }
}
