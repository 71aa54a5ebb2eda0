//! What a job asks for: the decrypted payload where there is one, else the data.

use std::future::Future;

use serde::de::DeserializeOwned;

use super::{error::Halt, object::Object};
use crate::{wire, worker::RawJob};

/// The text of a job's input.
#[derive(Clone, Copy)]
pub(super) struct Input<'a> {
    pub(super) text: &'a str,
    what: &'static str,
}

impl<'a> Input<'a> {
    pub(super) fn of(job: &'a RawJob) -> Self {
        match job.payload() {
            Some(payload) => Self {
                text: payload.reveal(),
                what: "payload",
            },
            None => Self {
                text: job.data().get(),
                what: "data",
            },
        }
    }

    /// Reads the input, which must be an object. What does not decode fails the job for good, with
    /// the path of the bad field.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Halt> {
        // A derived struct would also take an array of its fields.
        if !self.text.trim_start().starts_with('{') {
            self.object()?;
        }
        wire::read_json(self.text, self.what).map_err(Halt::for_good)
    }

    pub(super) fn object(&self) -> Result<Object, Halt> {
        wire::read_json(self.text, self.what).map_err(Halt::for_good)
    }

    /// The error for a field whose value breaks a rule.
    pub(super) fn fault(&self, path: &str, rule: impl Into<String>) -> Halt {
        Halt::for_good(crate::Error::Decode {
            what: self.what.to_owned(),
            reason: format!("at `{path}`: {}", rule.into()),
        })
    }
}

/// Runs until done or until the job is to stop; what was under way is dropped then.
pub(super) async fn or_cancelled<T>(
    job: &RawJob,
    work: impl Future<Output = Result<T, Halt>>,
) -> Result<T, Halt> {
    tokio::select! {
        biased;
        reason = job.cancelled() => Err(Halt::Cancelled(reason)),
        result = work => result,
    }
}
