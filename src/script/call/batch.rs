//! Finishes some jobs and claims others in one call.

use std::{sync::Arc, time::Duration};

use redis::Value;

use crate::{
    Result,
    conn::Conn,
    script::{FINISH_AND_CLAIM, reply},
    wire::{KeepJobs, Limiter, Pack, Packed, QueueKeys},
};

const NAME: &str = "finishAndClaim";

/// What never changes between the calls of one queue's worker, encoded once.
#[derive(Debug)]
pub(crate) struct Batch {
    keys: Vec<String>,
    base: String,
    lock_base: Arc<str>,
    lock_duration: Duration,
    limiter: Option<Limiter>,
    name: Option<String>,
    metrics: Option<u32>,
}

/// One job's way out of `active`.
#[derive(Debug, Clone)]
pub(crate) struct Finish {
    pub(crate) id: String,
    pub(crate) lock_token: String,
    pub(crate) kind: FinishKind,
    /// Flat array of further hash fields to set, packed; empty for none.
    pub(crate) fields: Packed,
}

/// Where the job goes.
#[derive(Debug, Clone)]
pub(crate) enum FinishKind {
    /// With the return value's JSON text.
    Completed {
        value: String,
        keep: KeepJobs,
        attempts: f64,
    },
    /// For good, with the reason.
    Failed {
        reason: String,
        keep: KeepJobs,
        attempts: f64,
    },
    /// Runs again after so many ms.
    Delayed { delay: u64, skip_attempt: bool },
    /// Runs again, behind the others or (`lifo`) before them.
    Retry { lifo: bool },
    /// Back to the front, without an attempt.
    Wait,
}

impl Finish {
    /// About how many bytes this adds to a call.
    pub(crate) fn size(&self) -> usize {
        let value = match &self.kind {
            FinishKind::Completed { value, .. } => value.len(),
            FinishKind::Failed { reason, .. } => reason.len(),
            _ => 0,
        };
        self.id.len() + self.lock_token.len() + self.fields.len() + value + 64
    }
}

/// What the call answered.
#[derive(Debug)]
pub(crate) struct BatchReply {
    /// One for each [`Finish`]: 0 or more is done, below 0 is a code of WIRE §4.0.
    pub(crate) codes: Vec<i64>,
    pub(crate) claimed: Vec<Claimed>,
    /// How long in ms nothing may be claimed; 0 when not rate limited.
    pub(crate) rate_limited: u64,
    /// When in unix ms the next delayed job is due; 0 when none is known.
    pub(crate) next_due: i64,
    /// Whether the queue is paused or at its global concurrency.
    pub(crate) held_up: bool,
    /// Whether jobs were left waiting because there was no room under their name.
    pub(crate) passed_over: bool,
}

/// A job that is now `active` under our lock. Its hash is read where the handler runs.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) id: String,
    pub(crate) lock_token: String,
    fields: Value,
}

impl Claimed {
    /// How many bytes the job's hash has, roughly.
    pub(crate) fn size(&self) -> usize {
        match &self.fields {
            Value::Array(items) => items
                .iter()
                .map(|item| {
                    if let Value::BulkString(text) = item {
                        text.len()
                    } else {
                        8
                    }
                })
                .sum(),
            _ => 0,
        }
    }

    /// The job's name; empty when its hash has none.
    pub(crate) fn name(&self) -> String {
        let Value::Array(items) = &self.fields else {
            return String::new();
        };
        let fields = items.chunks_exact(2);
        let name = fields.filter_map(|pair| match pair {
            [Value::BulkString(field), Value::BulkString(name)] if field == b"name" => Some(name),
            _ => None,
        });
        name.last()
            .map(|name| reply::lossy(name.clone()))
            .unwrap_or_default()
    }

    /// The job's id, the value of its lock, and the fields and values of its hash.
    pub(crate) fn into_parts(self) -> (String, String, Vec<String>) {
        let fields = reply::fields(NAME, self.fields).unwrap_or_default();
        (self.id, self.lock_token, fields)
    }
}

impl Batch {
    pub(crate) fn new(
        keys: &QueueKeys,
        lock_base: Arc<str>,
        lock_duration: Duration,
        limiter: Option<Limiter>,
        name: Option<String>,
        metrics: Option<u32>,
    ) -> Self {
        let suffixes = [
            "wait",
            "active",
            "prioritized",
            "events",
            "stalled",
            "limiter",
            "delayed",
            "paused",
            "meta",
            "pc",
            "completed",
            "failed",
            "metrics:completed",
            "metrics:failed",
            "marker",
        ];
        Self {
            keys: suffixes.iter().map(|suffix| keys.key(suffix)).collect(),
            base: keys.base().to_owned(),
            lock_base,
            lock_duration,
            limiter,
            name,
            metrics,
        }
    }

    fn options(&self, first: u64, room: &[(&str, usize)]) -> Packed {
        let optional = u32::from(self.limiter.is_some())
            + u32::from(self.name.is_some())
            + u32::from(!room.is_empty())
            + u32::from(self.metrics.is_some());
        let mut pack = Pack::new()
            .map(3 + optional)
            .text("lockDuration")
            .int(millis(self.lock_duration))
            .text("token")
            .text(&self.lock_base)
            .text("first")
            .int(i64::try_from(first).unwrap_or(i64::MAX));
        if let Some(limiter) = self.limiter {
            pack = pack
                .text("limiter")
                .map(2)
                .text("max")
                .int(i64::from(limiter.max))
                .text("duration")
                .int(millis(limiter.duration));
        }
        if let Some(name) = &self.name {
            pack = pack.text("name").text(name);
        }
        if let Some(metrics) = self.metrics {
            pack = pack.text("maxMetricsSize").int(i64::from(metrics));
        }
        if !room.is_empty() {
            pack = pack
                .text("room")
                .map(u32::try_from(room.len()).unwrap_or(u32::MAX));
            for (name, left) in room {
                pack = pack
                    .text(name)
                    .int(i64::try_from(*left).unwrap_or(i64::MAX));
            }
        }
        pack.done()
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Moves `finishes` out of `active` and claims up to `claim` jobs, whose locks get the tokens
/// `<base>:<first>`, `<base>:<first + 1>`, … Of the names in `room` no more than that are claimed.
///
/// Leaves the state of the equivalent stock calls (`lua/commands/finish_and_claim.lua`).
pub(crate) async fn finish_and_claim(
    conn: &Conn,
    batch: &Batch,
    now: i64,
    finishes: &[Finish],
    claim: usize,
    first: u64,
    room: &[(&str, usize)],
) -> Result<BatchReply> {
    let mut command = FINISH_AND_CLAIM.on(&batch.keys);
    command
        .arg(&batch.base)
        .arg(now)
        .arg(batch.options(first, room).as_slice())
        .arg(finishes.len())
        .arg(claim);
    for finish in finishes {
        let kept = |keep: KeepJobs, attempts: f64| {
            keep.pack(Pack::new().map(2).text("keepJobs"))
                .text("attempts")
                .float(attempts)
                .done()
        };
        command.arg(match finish.kind {
            FinishKind::Completed { .. } => "completed",
            FinishKind::Failed { .. } => "failed",
            FinishKind::Delayed { .. } => "delayed",
            FinishKind::Retry { .. } => "retry",
            FinishKind::Wait => "wait",
        });
        command.arg(&finish.id).arg(&finish.lock_token);
        match &finish.kind {
            FinishKind::Completed {
                value,
                keep,
                attempts,
            }
            | FinishKind::Failed {
                reason: value,
                keep,
                attempts,
            } => {
                command.arg(value).arg(kept(*keep, *attempts).as_slice());
            }
            FinishKind::Delayed {
                delay,
                skip_attempt,
            } => {
                let options = Pack::new()
                    .map(1)
                    .text("skipAttempt")
                    .int(i64::from(*skip_attempt));
                command.arg(*delay).arg(options.done().as_slice());
            }
            FinishKind::Retry { lifo } => {
                command.arg(if *lifo { "RPUSH" } else { "LPUSH" }).arg("");
            }
            FinishKind::Wait => {
                command.arg("").arg("");
            }
        }
        command.arg(finish.fields.as_slice());
    }
    read(FINISH_AND_CLAIM.call(conn, &command).await?)
}

fn read(value: Value) -> Result<BatchReply> {
    let items = reply::array(NAME, value)?;
    let Ok([codes, claims, rate_limited, next_due, held_up]) = <[Value; 5]>::try_from(items) else {
        return Err(reply::unexpected(NAME, &Value::Array(Vec::new())));
    };
    let codes = reply::array(NAME, codes)?
        .iter()
        .map(|code| reply::int(NAME, code))
        .collect::<Result<_>>()?;
    let claimed = reply::array(NAME, claims)?
        .into_iter()
        .map(|claim| {
            let parts = reply::array(NAME, claim)?;
            let Ok([id, lock_token, fields]) = <[Value; 3]>::try_from(parts) else {
                return Err(reply::unexpected(NAME, &Value::Array(Vec::new())));
            };
            Ok(Claimed {
                id: reply::text(NAME, id)?,
                lock_token: reply::text(NAME, lock_token)?,
                fields,
            })
        })
        .collect::<Result<_>>()?;
    let held_up = reply::int(NAME, &held_up)?;
    Ok(BatchReply {
        codes,
        claimed,
        rate_limited: u64::try_from(reply::int(NAME, &rate_limited)?).unwrap_or(0),
        next_due: reply::int(NAME, &next_due)?,
        held_up: held_up == 1,
        passed_over: held_up == 2,
    })
}
