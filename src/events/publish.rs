//! Events of one's own in a queue's stream.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
};

use serde::Serialize;
use serde_json::Value;

use crate::{
    Error, Result,
    queue::Queue,
    script::call,
    wire::{Event, EventId},
};

/// Most fields an event may have.
const MOST_FIELDS: usize = 1000;

/// An event that is about to be published.
#[derive(Debug, Clone)]
#[must_use = "an event is published only when the builder is awaited"]
pub struct PublishEvent<'a> {
    queue: &'a Queue,
    event: String,
    fields: Result<Vec<(String, String)>, String>,
    most: Option<u64>,
}

impl Queue {
    /// Prepares an event of one's own, which every listener of the queue's events gets; it is
    /// published when the builder is awaited, and gives its id then.
    ///
    /// `fields` is a value with named fields, such as a struct or a map. Texts, numbers and
    /// booleans are written as they are, other values as JSON; what is `null` is left out. A field
    /// `jobId` makes stock's listeners emit `<event>:<jobId>`, too.
    ///
    /// ```no_run
    /// # async fn example(queue: bullrs::Queue) -> bullrs::Result<()> {
    /// let fields = serde_json::json!({"id": "toast-1", "seconds": 5});
    /// queue.publish_event("toast", fields).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish_event(&self, event: &str, fields: impl Serialize) -> PublishEvent<'_> {
        PublishEvent {
            queue: self,
            event: event.to_owned(),
            fields: flat(fields),
            most: None,
        }
    }
}

impl PublishEvent<'_> {
    /// Keeps about so many events in the stream, BullMQ's included. The queue's own limit by
    /// default (10,000), as for every other event. Stock's `QueueEventsProducer` keeps 1,000.
    pub fn keep(mut self, most: u64) -> Self {
        self.most = Some(most);
        self
    }

    async fn send(self) -> Result<EventId> {
        let keys = self.queue.keys()?;
        let mut faults = Vec::new();
        if self.event.is_empty() {
            faults.push("`event` must not be empty".to_owned());
        }
        if Event::is_known_name(&self.event) {
            faults.push(format!(
                "`event` must not be one of BullMQ's own, got `{}`",
                self.event
            ));
        }
        let fields = self.fields.unwrap_or_else(|fault| {
            faults.push(fault);
            Vec::new()
        });
        if fields.iter().any(|(field, _)| field == "event") {
            faults.push("`fields` must not have a field `event`: that is the event's name".into());
        }
        if fields.len() > MOST_FIELDS {
            let got = fields.len();
            faults.push(format!(
                "`fields` must have at most {MOST_FIELDS} fields, got {got}"
            ));
        }
        if !faults.is_empty() {
            return Err(Error::Options(faults));
        }
        let conn = self.queue.conn();
        call::publish_event(conn, keys, self.most, &self.event, &fields).await
    }
}

impl<'a> IntoFuture for PublishEvent<'a> {
    type Output = Result<EventId>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

fn flat(fields: impl Serialize) -> Result<Vec<(String, String)>, String> {
    let value = serde_json::to_value(fields)
        .map_err(|error| format!("`fields` have no JSON form: {error}"))?;
    let Value::Object(object) = value else {
        return Err("`fields` must be a value with named fields, such as a struct or a map".into());
    };
    Ok(object
        .into_iter()
        .filter_map(|(field, value)| match value {
            Value::Null => None,
            Value::String(text) => Some((field, text)),
            other => Some((field, other.to_string())),
        })
        .collect())
}
