//! How many jobs finished in each minute, and the numbers that Prometheus collects.

use std::{
    fmt::Write as _,
    future::{Future, IntoFuture},
    ops::RangeBounds,
    pin::Pin,
};

use super::{Queue, span};
use crate::{
    Error, Result,
    script::call,
    wire::{JobState, int_text},
};

/// How many minutes one call reads at most.
const PAGE_MINUTES: u64 = 10_000;

/// Which jobs are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsKind {
    /// Those that have completed.
    Completed,
    /// Those that have failed for good.
    Failed,
}

impl MetricsKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }
}

/// What workers with metrics have gathered (WIRE §1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// How many jobs have finished so, since metrics are gathered.
    pub count: u64,
    /// When the last minute was closed, unix ms; none before the first.
    pub previous_at: Option<i64>,
    /// What `count` was then.
    pub previous_count: u64,
    /// Jobs in each minute of the range, the newest first. The minute that is not yet over is missing.
    pub minutes: Vec<u64>,
    /// How many minutes are kept.
    pub minutes_kept: u64,
}

/// Metrics about to be read; made by [`Queue::metrics`].
#[derive(Debug, Clone)]
#[must_use = "metrics are read only when this is awaited"]
pub struct ReadMetrics {
    queue: Queue,
    kind: MetricsKind,
    first: u64,
    count: Option<u64>,
}

impl ReadMetrics {
    /// Which minutes; 0 is the newest. Defaults to all.
    pub fn range(mut self, range: impl RangeBounds<u64>) -> Self {
        (self.first, self.count) = span(&range);
        self
    }

    async fn read(self) -> Result<Metrics> {
        let keys = self.queue.keys()?;
        let kind = self.kind.as_str();
        let number = |field: &str, text: &str| {
            let number = int_text(text).and_then(|number| u64::try_from(number).ok());
            number.ok_or_else(|| Error::Decode {
                what: format!(
                    "`{field}` in the {kind} metrics of queue `{}`",
                    keys.queue()
                ),
                reason: "it is not a number of jobs".into(),
            })
        };
        let mut found = Metrics::default();
        let end = self
            .count
            .map_or(u64::MAX, |count| self.first.saturating_add(count));
        let mut first = self.first;
        loop {
            // An empty range still tells the totals.
            let page = first..end.min(first.saturating_add(PAGE_MINUTES));
            let range = (page.start, page.end.saturating_sub(1));
            let ([count, previous_at, previous_count], minutes, kept) =
                call::metrics(self.queue.conn(), keys, kind, range).await?;
            let total =
                |field: &str, text: Option<String>| text.map_or(Ok(0), |text| number(field, &text));
            found.count = total("count", count)?;
            found.previous_count = total("prevCount", previous_count)?;
            found.previous_at = match previous_at {
                Some(at) => Some(int_text(&at).ok_or_else(|| Error::Decode {
                    what: format!("`prevTS` in the {kind} metrics of queue `{}`", keys.queue()),
                    reason: "it is not a time".into(),
                })?),
                None => None,
            };
            found.minutes_kept = kept;
            if page.is_empty() {
                return Ok(found);
            }
            for (index, minute) in (first..).zip(&minutes) {
                found
                    .minutes
                    .push(number(&format!("data[{index}]"), minute)?);
            }
            first = page.end;
            if minutes.is_empty() || first >= end || first >= kept {
                return Ok(found);
            }
        }
    }
}

impl IntoFuture for ReadMetrics {
    type Output = Result<Metrics>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.read())
    }
}

impl Queue {
    /// What workers with metrics have gathered of jobs that completed or failed.
    ///
    /// # Errors
    /// When Redis cannot be reached, or a number cannot be read.
    pub fn metrics(&self, kind: MetricsKind) -> ReadMetrics {
        ReadMetrics {
            queue: self.clone(),
            kind,
            first: 0,
            count: None,
        }
    }

    /// The queue's counts as Prometheus reads them, text and names as stock 6.x exports them; `labels`
    /// are added to each line.
    ///
    /// Jobs that a 5.x app parked while its queue is paused count as `waiting`.
    ///
    /// # Errors
    /// When a label's name is none, or Redis cannot be reached.
    pub async fn prometheus_metrics<N: AsRef<str>, V: AsRef<str>>(
        &self,
        labels: impl IntoIterator<Item = (N, V)>,
    ) -> Result<String> {
        let mut added = String::new();
        for (name, value) in labels {
            added.push_str(&label(name.as_ref(), value.as_ref())?);
        }
        let queue = escaped(self.keys()?.queue());
        let counts = self.counts().await?;
        // Only the totals are wanted: an empty range.
        let completed = self.metrics(MetricsKind::Completed).range(0..0).await?;
        let failed = self.metrics(MetricsKind::Failed).range(0..0).await?;

        let mut text = String::from(
            "# HELP bullmq_job_count Number of jobs in the queue by state\n\
             # TYPE bullmq_job_count gauge\n",
        );
        for state in JobState::ALL {
            if state != JobState::Paused {
                let count = counts.of(state);
                let name = state.as_str();
                let _infallible = writeln!(
                    text,
                    "bullmq_job_count{{queue=\"{queue}\", state=\"{name}\"{added}}} {count}"
                );
            }
        }
        let totals = [("completed", completed.count), ("failed", failed.count)];
        let totals = totals.map(|(name, count)| {
            format!(
                "# HELP bullmq_job_{name}_total Total number of {name} jobs\n\
                 # TYPE bullmq_job_{name}_total counter\n\
                 bullmq_job_{name}_total{{queue=\"{queue}\"{added}}} {count}"
            )
        });
        text.push_str(&totals.join("\n"));
        Ok(text)
    }
}

/// A label to add, with the comma before it.
fn label(name: &str, value: &str) -> Result<String> {
    let mut letters = name.bytes();
    let begins = letters
        .next()
        .is_some_and(|letter| letter.is_ascii_alphabetic() || letter == b'_');
    let goes_on = letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'_');
    if !begins || !goes_on || name == "queue" || name == "state" {
        return Err(Error::Invalid {
            field: "labels",
            rule: format!(
                "must have names of letters, digits and `_` other than `queue` and `state`, got `{name}`"
            ),
        });
    }
    Ok(format!(", {name}=\"{}\"", escaped(value)))
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
