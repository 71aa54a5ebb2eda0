//! Adding many jobs at once.

use super::{NewJob, Queue};
use crate::{
    Error, Result, clock,
    error::{NotAdded, Refused},
    job::JobHandle,
    script::call::{self, Insertion},
};

/// Redis works on one group at a time, and does nothing else meanwhile.
const GROUP_JOBS: usize = 250;
const GROUP_BYTES: usize = 256 * 1024;
/// What is sent in one round trip, and so held in memory twice.
const TRIP_BYTES: usize = 8 * 1024 * 1024;
const TRIP_GROUPS: usize = 40;

impl Queue {
    /// Adds many jobs, in their order: thousands in one round trip.
    ///
    /// Nothing is sent unless all options are right. Then groups of up to 250 jobs are added one
    /// after another, each group in one step; other clients' commands come between groups. It is
    /// not all or nothing, as Node's `addBulk` is not: a job whose parent is gone is refused alone,
    /// and when the connection breaks the jobs of earlier groups stay.
    ///
    /// # Errors
    /// [`Error::Options`] with every fault of every job before anything was sent;
    /// [`Error::NotAdded`] when some jobs were not added, or may not have been.
    pub async fn add_all(&self, jobs: impl IntoIterator<Item = NewJob>) -> Result<Vec<JobHandle>> {
        let insertions = self.prepare_all(jobs)?;
        let now = clock::now();
        let mut outcome = NotAdded::default();
        let mut at = 0;
        for trip in trips(&insertions) {
            match call::add_groups(self.conn(), &trip, now).await {
                Ok(groups) => {
                    for (jobs, group) in trip.iter().zip(groups) {
                        settle(&mut outcome, at, jobs, group);
                        at += jobs.len();
                    }
                }
                Err(error) => {
                    let sent = trip.iter().map(|group| group.len()).sum::<usize>();
                    refuse(&mut outcome, at, &insertions[at..at + sent], &error);
                    at += sent;
                    refuse(&mut outcome, at, &insertions[at..], &error.unsent());
                    break;
                }
            }
        }
        if !outcome.refused.is_empty() {
            return Err(Error::NotAdded(Box::new(outcome)));
        }
        let added = outcome.added.iter();
        Ok(added.map(|(_, id)| self.job(id)).collect())
    }

    fn prepare_all(&self, jobs: impl IntoIterator<Item = NewJob>) -> Result<Vec<Insertion>> {
        let keys = self.keys()?;
        let now = clock::now();
        let mut insertions = Vec::new();
        let mut faults = Vec::new();
        for (index, job) in jobs.into_iter().enumerate() {
            let name = job.name().to_owned();
            match job.prepare(keys, self.default_options(), now) {
                Ok(insertion) => insertions.push(insertion),
                Err(found) => faults.extend(
                    found
                        .into_iter()
                        .map(|fault| format!("job {index} `{name}`: {fault}")),
                ),
            }
        }
        if faults.is_empty() {
            Ok(insertions)
        } else {
            Err(Error::Options(faults))
        }
    }
}

/// Notes how a group that begins at `at` has ended.
fn settle(
    outcome: &mut NotAdded,
    at: usize,
    jobs: &[Insertion],
    group: Result<Vec<Result<String>>>,
) {
    match group {
        Ok(replies) => {
            for (index, (job, reply)) in jobs.iter().zip(replies).enumerate() {
                match reply {
                    Ok(id) => outcome.added.push((at + index, id)),
                    Err(error) => refuse(outcome, at + index, std::slice::from_ref(job), &error),
                }
            }
        }
        Err(error) => refuse(outcome, at, jobs, &error),
    }
}

fn refuse(outcome: &mut NotAdded, at: usize, jobs: &[Insertion], error: &Error) {
    outcome
        .refused
        .extend(jobs.iter().enumerate().map(|(index, job)| Refused {
            index: at + index,
            queue: job.keys.queue().to_owned(),
            name: job.name.clone(),
            error: error.clone(),
        }));
}

/// Cuts the jobs into groups, and the groups into round trips.
fn trips(jobs: &[Insertion]) -> Vec<Vec<&[Insertion]>> {
    let mut trips: Vec<Vec<&[Insertion]>> = Vec::new();
    let mut room = 0_usize;
    let mut rest = jobs;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fitting = rest
            .iter()
            .take(GROUP_JOBS)
            .take_while(|job| {
                bytes += job.size();
                bytes <= GROUP_BYTES
            })
            .count();
        // A job that is larger than a group is one.
        let (group, later) = rest.split_at(fitting.max(1));
        let size: usize = group.iter().map(Insertion::size).sum();
        match trips.last_mut() {
            Some(trip) if size <= room && trip.len() < TRIP_GROUPS => trip.push(group),
            _ => {
                trips.push(vec![group]);
                room = TRIP_BYTES;
            }
        }
        room = room.saturating_sub(size);
        rest = later;
    }
    trips
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{job::JobOptions, wire::QueueKeys};

    fn jobs(sizes: &[usize]) -> Vec<Insertion> {
        let keys = QueueKeys::new("bull", "q").unwrap();
        sizes
            .iter()
            .map(|size| {
                NewJob::new("x", "y".repeat(*size))
                    .prepare(&keys, &JobOptions::default(), 1)
                    .unwrap()
            })
            .collect()
    }

    fn shape(sizes: &[usize]) -> Vec<Vec<usize>> {
        let jobs = jobs(sizes);
        let trips = trips(&jobs);
        trips
            .iter()
            .map(|trip| trip.iter().map(|group| group.len()).collect())
            .collect()
    }

    #[test]
    fn groups_are_bounded_in_jobs_and_bytes() {
        assert_eq!(shape(&[]), [] as [Vec<usize>; 0]);
        assert_eq!(shape(&[1; 501]), [vec![250, 250, 1]]);
        assert_eq!(
            shape(&[100_000, 100_000, 100_000, 900_000, 1]),
            [vec![2, 1, 1, 1]]
        );
    }

    #[test]
    fn round_trips_are_bounded_in_bytes_and_groups() {
        assert_eq!(shape(&[5_000_000, 5_000_000, 20_000_000, 1]).len(), 4);
        let trips = shape(&vec![1; 250 * 41]);
        assert_eq!(trips.iter().map(Vec::len).collect::<Vec<_>>(), [40, 1]);
    }
}
