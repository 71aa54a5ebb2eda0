//! Answers, with errors by the kinds that both clients share (`compat-tests/client/errors.mjs`).

use std::fmt::Display;

use bullrs::Error;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, json, value::RawValue};

/// What a step came to.
pub(crate) enum Reply {
    Answer(Value),
    Refused { kind: &'static str, message: String },
    Inexpressible(String),
}

impl Reply {
    pub(crate) fn done() -> Self {
        Self::Answer(Value::Null)
    }

    /// The API, or its types, have no way to say what the step says.
    pub(crate) fn inexpressible(why: &impl Display) -> Self {
        Self::Inexpressible(why.to_string())
    }

    pub(crate) fn to_line(&self) -> String {
        let value = match self {
            Self::Answer(value) => json!({ "answer": value }),
            Self::Refused { kind, message } => json!({ "error": kind, "message": message }),
            Self::Inexpressible(why) => json!({ "inexpressible": why }),
        };
        format!("{value}\n")
    }
}

impl From<Error> for Reply {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::JobNotFound { .. } => "job not found",
            Error::LockLost { .. } => "lock lost",
            Error::WrongState { .. } => "wrong state",
            Error::PendingChildren { .. } | Error::Script { code: -4, .. } => "pending children",
            Error::FailedChildren { .. } | Error::Script { code: -9, .. } => "failed children",
            Error::ParentNotFound { .. } => "parent not found",
            Error::ParentTaken { .. } => "other parent",
            Error::NotAdded { .. } => "partly added",
            Error::SchedulerJob { .. } => "belongs to scheduler",
            Error::SchedulerBusy { .. } => "slot taken",
            Error::NotPaused { .. } | Error::ActiveJobs { .. } => "cannot obliterate",
            Error::Invalid { .. } | Error::Options(_) => "invalid",
            _ => "other",
        };
        Self::Refused {
            kind,
            message: error.to_string(),
        }
    }
}

impl<T: Into<Value>> From<bullrs::Result<T>> for Reply {
    fn from(result: bullrs::Result<T>) -> Self {
        match result {
            Ok(value) => Self::Answer(value.into()),
            Err(error) => error.into(),
        }
    }
}

/// For calls that give nothing.
pub(crate) fn unit(result: bullrs::Result<()>) -> Reply {
    result.map(|()| Value::Null).into()
}

/// Reads the arguments of a step.
pub(crate) fn arguments<T: DeserializeOwned>(line: &str) -> Result<T, Reply> {
    serde_json::from_str(line).map_err(|error| Reply::inexpressible(&error))
}

/// `null` is a value, unlike what is left out.
pub(crate) fn given<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

/// What an app stores that leaves the data out.
pub(crate) fn empty() -> Box<RawValue> {
    RawValue::from_string("{}".into()).unwrap_or_default()
}
