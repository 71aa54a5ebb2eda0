//! Entries of the events stream (WIRE §3).

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::{int_text, read_json};
use crate::Result;

/// Something that happened to a job or a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A job was stored.
    Added {
        /// The job.
        job_id: String,
        /// Its name.
        name: String,
    },
    /// A job is ready to run.
    Waiting {
        /// The job.
        job_id: String,
        /// The state it left; none when it is new.
        prev: Option<String>,
    },
    /// A job is to run later.
    Delayed {
        /// The job.
        job_id: String,
        /// When it is due: ms since 1970, not from now.
        delay: i64,
    },
    /// A worker has taken a job.
    Active {
        /// The job.
        job_id: String,
        /// `waiting`, whatever state it left.
        prev: Option<String>,
    },
    /// A job has completed.
    Completed {
        /// The job.
        job_id: String,
        /// What its handler returned.
        returnvalue: EventJson,
        /// `active`.
        prev: Option<String>,
    },
    /// A job has failed for good. An attempt that is followed by another is no such event.
    Failed {
        /// The job.
        job_id: String,
        /// The error's message.
        failed_reason: String,
        /// `active`.
        prev: Option<String>,
    },
    /// A failed job had used all its attempts.
    RetriesExhausted {
        /// The job.
        job_id: String,
        /// How many there were.
        attempts_made: i64,
    },
    /// No job waits or runs any more.
    Drained,
    /// A job has told how far it is.
    Progress {
        /// The job.
        job_id: String,
        /// What it told.
        data: EventJson,
    },
    /// A job's worker was lost, and the job waits again.
    Stalled {
        /// The job.
        job_id: String,
    },
    /// A job waits for its children.
    WaitingChildren {
        /// The job.
        job_id: String,
        /// The state it left; none when it is new.
        prev: Option<String>,
    },
    /// A job was added with an id that there is already.
    Duplicated {
        /// The job that was there.
        job_id: String,
    },
    /// A job was added within another's deduplication window.
    Deduplicated {
        /// The job that stays.
        job_id: String,
        /// What they have in common.
        deduplication_id: String,
        /// The job that was refused or replaced.
        deduplicated_job_id: String,
    },
    /// As [`Self::Deduplicated`], from stock 5.x.
    Debounced {
        /// The job that stays.
        job_id: String,
        /// What they have in common.
        debounce_id: String,
    },
    /// A job was removed.
    Removed {
        /// The job.
        job_id: String,
        /// The state it was in.
        prev: Option<String>,
    },
    /// Old jobs were removed.
    Cleaned {
        /// How many.
        count: i64,
    },
    /// The queue was paused.
    Paused,
    /// The queue goes on.
    Resumed,
    /// An event of another name, or one whose fields are not those of its name.
    Other {
        /// The field `event`; empty if there is none.
        name: String,
        /// All fields but `event`, as they stand.
        fields: Vec<(String, String)>,
    },
}

/// JSON in an event, as its writer wrote it.
///
/// Stock readers stop for ever at a text that is no JSON; here it is kept and marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventJson {
    text: String,
    valid: bool,
}

impl EventJson {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            valid: serde_json::from_str::<&RawValue>(text).is_ok(),
        }
    }

    /// The text, whether it is JSON or not; empty if the field was missing.
    pub fn get(&self) -> &str {
        &self.text
    }

    /// Whether the text is JSON.
    pub fn is_valid(&self) -> bool {
        self.valid
    }

    /// Reads the text as a `T`.
    ///
    /// # Errors
    /// [`Error::Decode`](crate::Error::Decode) when it is none.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        read_json(&self.text, "an event's JSON")
    }
}

impl Event {
    /// Reads the fields of a stream entry. Never fails: see [`Self::Other`].
    pub fn read<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::read_checked(fields).0
    }

    /// Reads the fields of a stream entry, and says what is wrong with an entry that does not have
    /// what its name asks for; such an event is read as far as it goes.
    pub fn read_checked<'a>(
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> (Self, Option<EventFault>) {
        let fields = Fields(fields.into_iter().collect());
        match fields.known() {
            Ok(Some(event)) => {
                let fault = event.json_fault();
                (event, fault)
            }
            Ok(None) => (fields.other(), None),
            Err(fault) => (fields.other(), Some(fault)),
        }
    }

    fn json_fault(&self) -> Option<EventFault> {
        let (field, json) = match self {
            Self::Completed { returnvalue, .. } => ("returnvalue", returnvalue),
            Self::Progress { data, .. } => ("data", data),
            _ => return None,
        };
        (!json.is_valid()).then_some(EventFault {
            field,
            problem: "is missing or not JSON",
        })
    }

    /// Whether BullMQ itself writes events of this name.
    pub fn is_known_name(name: &str) -> bool {
        NAMES.contains(&name)
    }

    /// The event's name, such as `completed`.
    pub fn name(&self) -> &str {
        match self {
            Self::Added { .. } => "added",
            Self::Waiting { .. } => "waiting",
            Self::Delayed { .. } => "delayed",
            Self::Active { .. } => "active",
            Self::Completed { .. } => "completed",
            Self::Failed { .. } => "failed",
            Self::RetriesExhausted { .. } => "retries-exhausted",
            Self::Drained => "drained",
            Self::Progress { .. } => "progress",
            Self::Stalled { .. } => "stalled",
            Self::WaitingChildren { .. } => "waiting-children",
            Self::Duplicated { .. } => "duplicated",
            Self::Deduplicated { .. } => "deduplicated",
            Self::Debounced { .. } => "debounced",
            Self::Removed { .. } => "removed",
            Self::Cleaned { .. } => "cleaned",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
            Self::Other { name, .. } => name,
        }
    }

    /// The job that the event is about, if it is about one.
    pub fn job_id(&self) -> Option<&str> {
        match self {
            Self::Added { job_id, .. }
            | Self::Waiting { job_id, .. }
            | Self::Delayed { job_id, .. }
            | Self::Active { job_id, .. }
            | Self::Completed { job_id, .. }
            | Self::Failed { job_id, .. }
            | Self::RetriesExhausted { job_id, .. }
            | Self::Progress { job_id, .. }
            | Self::Stalled { job_id }
            | Self::WaitingChildren { job_id, .. }
            | Self::Duplicated { job_id }
            | Self::Deduplicated { job_id, .. }
            | Self::Debounced { job_id, .. }
            | Self::Removed { job_id, .. } => Some(job_id),
            Self::Drained | Self::Cleaned { .. } | Self::Paused | Self::Resumed => None,
            Self::Other { fields, .. } => fields
                .iter()
                .find(|(field, _)| field == "jobId")
                .map(|(_, id)| id.as_str()),
        }
    }
}

/// Every name that BullMQ writes, 5.x included.
const NAMES: [&str; 18] = [
    "added",
    "waiting",
    "delayed",
    "active",
    "completed",
    "failed",
    "retries-exhausted",
    "drained",
    "progress",
    "stalled",
    "waiting-children",
    "duplicated",
    "deduplicated",
    "debounced",
    "removed",
    "cleaned",
    "paused",
    "resumed",
];

/// What is wrong with an entry whose fields are not those of its event. Quotes no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event's field `{field}` {problem}")]
pub struct EventFault {
    /// The field, such as `jobId`.
    pub field: &'static str,
    /// What is wrong with it, such as `is missing`.
    pub problem: &'static str,
}

/// The fields of an entry, in their order.
struct Fields<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Fields<'a> {
    /// The last field of that name: as in JavaScript, later ones replace earlier ones.
    fn get(&self, name: &str) -> Option<&'a str> {
        let mut fields = self.0.iter().rev();
        fields
            .find(|(field, _)| *field == name)
            .map(|(_, text)| *text)
    }

    fn text(&self, field: &'static str) -> Result<String, EventFault> {
        let text = self.get(field).map(str::to_owned);
        text.ok_or(EventFault {
            field,
            problem: "is missing",
        })
    }

    fn int(&self, field: &'static str) -> Result<i64, EventFault> {
        let text = self.text(field)?;
        int_text(&text).ok_or(EventFault {
            field,
            problem: "is not a number",
        })
    }

    fn json(&self, name: &str) -> EventJson {
        EventJson::new(self.get(name).unwrap_or_default())
    }

    /// The event, if its name is known; a fault if it lacks a field that belongs to it.
    fn known(&self) -> Result<Option<Event>, EventFault> {
        let job_id = || self.text("jobId");
        let prev = self.get("prev").map(str::to_owned);
        Ok(Some(match self.text("event")?.as_str() {
            "added" => Event::Added {
                job_id: job_id()?,
                name: self.text("name")?,
            },
            "waiting" => Event::Waiting {
                job_id: job_id()?,
                prev,
            },
            "delayed" => Event::Delayed {
                job_id: job_id()?,
                delay: self.int("delay")?,
            },
            "active" => Event::Active {
                job_id: job_id()?,
                prev,
            },
            "completed" => Event::Completed {
                job_id: job_id()?,
                returnvalue: self.json("returnvalue"),
                prev,
            },
            "failed" => Event::Failed {
                job_id: job_id()?,
                failed_reason: self.text("failedReason")?,
                prev,
            },
            "retries-exhausted" => Event::RetriesExhausted {
                job_id: job_id()?,
                attempts_made: self.int("attemptsMade")?,
            },
            "drained" => Event::Drained,
            "progress" => Event::Progress {
                job_id: job_id()?,
                data: self.json("data"),
            },
            "stalled" => Event::Stalled { job_id: job_id()? },
            "waiting-children" => Event::WaitingChildren {
                job_id: job_id()?,
                prev,
            },
            "duplicated" => Event::Duplicated { job_id: job_id()? },
            "deduplicated" => Event::Deduplicated {
                job_id: job_id()?,
                deduplication_id: self.text("deduplicationId")?,
                deduplicated_job_id: self.text("deduplicatedJobId")?,
            },
            "debounced" => Event::Debounced {
                job_id: job_id()?,
                debounce_id: self.text("debounceId")?,
            },
            "removed" => Event::Removed {
                job_id: job_id()?,
                prev,
            },
            "cleaned" => Event::Cleaned {
                count: self.int("count")?,
            },
            "paused" => Event::Paused,
            "resumed" => Event::Resumed,
            _ => return Ok(None),
        }))
    }

    fn other(&self) -> Event {
        let fields = self.0.iter().filter(|(field, _)| *field != "event");
        Event::Other {
            name: self.text("event").unwrap_or_default(),
            fields: fields
                .map(|(field, text)| ((*field).to_owned(), (*text).to_owned()))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests;
