//! What became of the jobs of one call, when not all were added.

use std::fmt;

use super::Error;

/// How many refusals a message tells.
const TOLD: usize = 3;

/// Which jobs of one call were added, and why the others were not.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct NotAdded {
    /// Jobs that are in Redis: where in the call, and the id.
    pub added: Vec<(usize, String)>,
    /// The others. After an [ambiguous](Error::is_ambiguous) error the job may be in Redis too.
    pub refused: Vec<Refused>,
}

/// A job that was not added.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Refused {
    /// Where in the call, from 0. The jobs of flows are counted level by level, the roots first.
    pub index: usize,
    /// The queue's name.
    pub queue: String,
    /// The job's name.
    pub name: String,
    /// Why.
    pub error: Error,
}

impl fmt::Display for NotAdded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.added.len() + self.refused.len();
        write!(f, "{} of {total} jobs were not added", self.refused.len())?;
        for (number, refused) in self.refused.iter().take(TOLD).enumerate() {
            let separator = if number == 0 { ": " } else { "; " };
            let Refused {
                index,
                queue,
                name,
                error,
            } = refused;
            write!(
                f,
                "{separator}job {index} `{name}` for queue `{queue}`: {error}"
            )?;
        }
        match self.refused.len().saturating_sub(TOLD) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_refusals_are_told() {
        let refused = |index| Refused {
            index,
            queue: "q".into(),
            name: "x".into(),
            error: Error::Closed,
        };
        let mut outcome = NotAdded {
            added: vec![(0, "1".into())],
            refused: vec![refused(1)],
        };
        assert_eq!(
            outcome.to_string(),
            "1 of 2 jobs were not added: job 1 `x` for queue `q`: the worker is closed"
        );
        outcome.refused.extend([2, 3, 4, 5].map(refused));
        assert!(
            outcome
                .to_string()
                .ends_with("the worker is closed; and 2 more")
        );
    }
}
