//! Where a setting came from, and what was wrong with it.

use std::{fmt, sync::Arc};

use super::Redactor;

/// Where a value was found. Ordered from the strongest to the weakest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The command line; the flag with its dashes.
    Flag(String),
    /// The environment; the variable's name.
    Environment(String),
    /// The configuration file.
    File {
        /// As it was named by the user.
        path: Arc<str>,
        /// From 1.
        line: usize,
    },
    /// Nobody said anything.
    Default,
}

impl Origin {
    /// Which kind of source it is: 0 for the strongest. Two values of one rank came from the same
    /// place, and the more specific one wins.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Flag(_) => 0,
            Self::Environment(_) => 1,
            Self::File { .. } => 2,
            Self::Default => 3,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Environment(name) => f.write_str(name),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where the value stands; absent when something is missing altogether.
    pub origin: Option<Origin>,
    /// What is wrong and what would be right. Never holds a credential.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// Everything that is wrong, in the order flags, environment, file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault of a value that stands somewhere; credentials in the text are masked.
    pub fn at(&mut self, origin: &Origin, text: &str) {
        self.push(Some(origin.clone()), text);
    }

    /// Notes that something is missing or does not fit together.
    pub fn general(&mut self, text: &str) {
        self.push(None, text);
    }

    fn push(&mut self, origin: Option<Origin>, text: &str) {
        self.0.push(Fault {
            origin,
            text: Redactor::new().clean(text).into_owned(),
        });
    }

    /// Whether all is well.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The faults, each once, sorted by where they stand; what stands nowhere comes last.
    pub fn into_sorted(self) -> Vec<Fault> {
        let mut faults = self.0;
        faults.sort_by(|one, other| {
            let place = |fault: &Fault| (fault.origin.is_none(), fault.origin.clone());
            place(one).cmp(&place(other))
        });
        faults.dedup();
        faults
    }

    /// Adds all faults of another list.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_in_the_order_flag_environment_line_and_then_what_stands_nowhere() {
        let file = |line| Origin::File {
            path: "bullrs.toml".into(),
            line,
        };
        let mut faults = Faults::default();
        faults.general("no queue");
        faults.at(&file(12), "c");
        faults.at(&file(4), "b");
        faults.at(&Origin::Environment("BULLRS_DRAIN".into()), "d");
        faults.at(&Origin::Flag("--drain".into()), "a");
        faults.at(&file(4), "b");
        let texts: Vec<String> = faults
            .into_sorted()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            texts,
            [
                "--drain: a",
                "BULLRS_DRAIN: d",
                "bullrs.toml:4: b",
                "bullrs.toml:12: c",
                "no queue"
            ]
        );
    }
}
