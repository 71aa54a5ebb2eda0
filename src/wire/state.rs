//! The states of a job, and the keys that hold their ids (WIRE §1.1).

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use crate::{Error, Result};

/// A state that a job can be in, by BullMQ's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum JobState {
    /// A worker has it.
    Active,
    /// It has completed, and is kept.
    Completed,
    /// It is due later.
    Delayed,
    /// It has failed for good, and is kept.
    Failed,
    /// Parked in the list `paused` by a 5.x app that paused its queue (WIRE §1.6). Such a job is also
    /// [`Self::Waiting`], which is what it is said to be when it is asked for its state.
    Paused,
    /// It is ready to run, and has a priority.
    Prioritized,
    /// It is ready to run, and has no priority; also when its queue is paused.
    Waiting,
    /// It waits for its children.
    WaitingChildren,
    /// It is in no state: it does not exist, or someone is moving it.
    Unknown,
}

/// The key that holds the ids of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct StateKey {
    pub(crate) suffix: &'static str,
    /// A list, whose oldest id is at the right end; else a sorted set.
    pub(crate) is_list: bool,
    pub(crate) state: JobState,
}

impl JobState {
    /// Every state whose jobs can be counted and listed, in the order of stock's getters.
    pub const ALL: [Self; 8] = [
        Self::Active,
        Self::Completed,
        Self::Delayed,
        Self::Failed,
        Self::Paused,
        Self::Prioritized,
        Self::Waiting,
        Self::WaitingChildren,
    ];

    /// Its name, such as `waiting-children`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Delayed => "delayed",
            Self::Failed => "failed",
            Self::Paused => "paused",
            Self::Prioritized => "prioritized",
            Self::Waiting => "waiting",
            Self::WaitingChildren => "waiting-children",
            Self::Unknown => "unknown",
        }
    }

    /// The suffix of the key that holds its ids; that of `Waiting` leaves out what 5.x parks.
    pub(crate) const fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Waiting => Some("wait"),
            Self::Unknown => None,
            state => Some(state.as_str()),
        }
    }

    /// The keys of states, each once. What 5.x parks belongs to `Waiting` too, and comes last unless
    /// it was asked for, as in stock 5.x.
    pub(crate) fn keys(states: &[Self]) -> Result<Vec<StateKey>> {
        let mut keys: Vec<StateKey> = Vec::with_capacity(states.len() + 1);
        let parked = states.contains(&Self::Waiting).then_some(Self::Paused);
        for state in states.iter().copied().chain(parked) {
            let suffix = state.suffix().ok_or_else(|| Error::Invalid {
                field: "states",
                rule: "must not contain `unknown`: such jobs are listed nowhere".into(),
            })?;
            if keys.iter().all(|key| key.suffix != suffix) {
                keys.push(StateKey {
                    suffix,
                    is_list: matches!(state, Self::Active | Self::Paused | Self::Waiting),
                    state,
                });
            }
        }
        Ok(keys)
    }
}

impl FromStr for JobState {
    type Err = Error;

    /// Reads a name, as in events, counts and Node's getters; `wait` is `waiting`.
    fn from_str(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .chain([Self::Unknown])
            .find(|state| state.as_str() == name || state.suffix() == Some(name))
            .ok_or_else(|| Error::Invalid {
                field: "state",
                rule: format!(
                    "must be one of {} or unknown, got `{name}`",
                    Self::ALL.map(Self::as_str).join(", ")
                ),
            })
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for JobState {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl PartialEq<str> for JobState {
    fn eq(&self, name: &str) -> bool {
        self.as_str() == name
    }
}

impl PartialEq<&str> for JobState {
    fn eq(&self, name: &&str) -> bool {
        self.as_str() == *name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_wait_is_waiting() {
        for state in JobState::ALL.into_iter().chain([JobState::Unknown]) {
            assert_eq!(state.as_str().parse::<JobState>().unwrap(), state);
        }
        assert_eq!("wait".parse::<JobState>().unwrap(), JobState::Waiting);
        assert_eq!(
            "running".parse::<JobState>().unwrap_err().to_string(),
            "`state` must be one of active, completed, delayed, failed, paused, prioritized, waiting, \
             waiting-children or unknown, got `running`"
        );
    }

    #[test]
    fn what_is_parked_is_listed_with_what_waits_and_once() {
        use JobState::{Delayed, Failed, Paused, Waiting};
        let keys = |states: &[JobState]| -> Vec<&str> {
            let keys = JobState::keys(states).unwrap();
            keys.into_iter().map(|key| key.suffix).collect()
        };
        assert_eq!(keys(&[Waiting, Delayed]), ["wait", "delayed", "paused"]);
        assert_eq!(keys(&[Paused, Waiting, Paused]), ["paused", "wait"]);
        assert_eq!(keys(&[Failed, Failed]), ["failed"]);
        assert!(JobState::keys(&[JobState::Unknown]).is_err());
    }
}
