//! Finishes some jobs and claims others in one call.

use std::{borrow::Cow, sync::Arc, time::Duration};

use bytes::Bytes;
use redis::{Cmd, Value};

use crate::{
    Result,
    conn::Conn,
    script::{FINISH_AND_CLAIM, reply},
    wire::{JobRecord, KeepJobs, Limiter, Pack, Packed, QueueKeys, Unpack, saturating_int},
};

const NAME: &str = "finishAndClaim";

/// What never changes between the calls of one queue's worker, encoded once.
#[derive(Debug)]
pub(crate) struct Batch {
    prefix: String,
    lock_base: Arc<str>,
    lock_duration: i64,
    /// How many options are set, and their packed keys and values.
    optional: u32,
    options: Packed,
}

/// One job's way out of `active`.
#[derive(Debug, Clone)]
pub(crate) struct Finish {
    pub(crate) id: String,
    pub(crate) lock_token: String,
    pub(crate) kind: FinishKind,
    /// Flat array of further hash fields to set, packed; empty for none, as for a completed job.
    pub(crate) fields: Packed,
}

/// Where the job goes.
#[derive(Debug, Clone)]
pub(crate) enum FinishKind {
    /// With the return value's JSON text.
    Completed { value: String, keep: KeepJobs },
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
    /// The number of the claim, which the lock's value ends with.
    pub(crate) sequence: u64,
    pub(crate) lock_token: String,
    /// The hash as it was before this start.
    fields: Fields,
    started: i64,
}

#[derive(Debug)]
enum Fields {
    Plain(Value),
    /// A msgpack array; a part of the whole reply.
    Packed(Bytes),
}

impl Claimed {
    /// How many bytes the job's hash has, roughly.
    pub(crate) fn size(&self) -> usize {
        match &self.fields {
            Fields::Packed(packed) => packed.len(),
            Fields::Plain(Value::Array(items)) => items
                .iter()
                .map(|item| {
                    if let Value::BulkString(text) = item {
                        text.len()
                    } else {
                        8
                    }
                })
                .sum(),
            Fields::Plain(_) => 0,
        }
    }

    /// The job's name; empty when its hash has none.
    pub(crate) fn name(&self) -> String {
        let name = match &self.fields {
            Fields::Plain(Value::Array(items)) => {
                items.chunks_exact(2).find_map(|pair| match pair {
                    [Value::BulkString(field), Value::BulkString(name)] if field == b"name" => {
                        Some(reply::lossy(name.clone()))
                    }
                    _ => None,
                })
            }
            Fields::Plain(_) => None,
            Fields::Packed(packed) => {
                let mut reader = Unpack::new(packed);
                let count = reader.array().unwrap_or(0) / 2;
                let mut pairs = (0..count).map_while(|_| Some((reader.lossy()?, reader.lossy()?)));
                pairs
                    .find(|(field, _)| field == "name")
                    .map(|(_, name)| name.into_owned())
            }
        };
        name.unwrap_or_default()
    }

    /// The value of the job's lock, and its hash as it stands since the start.
    pub(crate) fn into_record(self) -> (String, JobRecord) {
        let record = match self.fields {
            Fields::Plain(fields) => {
                let fields = reply::fields(NAME, fields).unwrap_or_default();
                JobRecord::started(self.id, fields.into_iter().map(Cow::Owned), self.started)
            }
            Fields::Packed(packed) => {
                let mut reader = Unpack::new(&packed);
                let count = reader.array().unwrap_or(0);
                let fields = (0..count).map_while(|_| reader.lossy());
                JobRecord::started(self.id, fields, self.started)
            }
        };
        (self.lock_token, record)
    }
}

impl Batch {
    pub(crate) fn new(
        keys: &QueueKeys,
        lock_base: Arc<str>,
        lock_duration: Duration,
        limiter: Option<Limiter>,
        name: Option<&str>,
        metrics: Option<u32>,
    ) -> Self {
        let mut optional = 0;
        let mut pack = Pack::new();
        if let Some(limiter) = limiter {
            optional += 1;
            pack = pack
                .text("limiter")
                .map(2)
                .text("max")
                .int(i64::from(limiter.max))
                .text("duration")
                .int(millis(limiter.duration));
        }
        if let Some(name) = name {
            optional += 1;
            pack = pack.text("name").text(name);
        }
        if let Some(metrics) = metrics {
            optional += 1;
            pack = pack.text("maxMetricsSize").int(i64::from(metrics));
        }
        Self {
            prefix: keys.base().to_owned(),
            lock_base,
            lock_duration: millis(lock_duration),
            optional,
            options: pack.done(),
        }
    }

    /// A packed map; empty when nothing is set.
    fn options(&self, room: &[(Arc<str>, usize)]) -> Packed {
        let entries = self.optional + u32::from(!room.is_empty());
        if entries == 0 {
            return Packed::new();
        }
        let mut options = Pack::new().map(entries).done();
        options.extend_from_slice(&self.options);
        if !room.is_empty() {
            let names = u32::try_from(room.len()).unwrap_or(u32::MAX);
            let mut pack = Pack::new().text("room").map(names);
            for (name, left) in room {
                let left = i64::try_from(*left).unwrap_or(i64::MAX);
                pack = pack.text(name).int(left);
            }
            options.extend_from_slice(&pack.done());
        }
        options
    }

    /// The call that moves `finishes` out of `active` and claims up to `claim` jobs, whose locks get
    /// the tokens `<base>:<first>`, `<base>:<first + 1>`, … Of the names in `room` no more than that
    /// are claimed.
    ///
    /// With `pack` the claimed hashes come in one text, which is the cheaper the smaller they are.
    /// Leaves the state of the equivalent stock calls (`lua/commands/finish_and_claim.lua`).
    pub(crate) fn call<'a>(
        &self,
        now: i64,
        finishes: impl Iterator<Item = &'a Finish> + Clone,
        claim: usize,
        first: u64,
        pack: bool,
        room: &[(Arc<str>, usize)],
    ) -> BatchCall {
        let mut command = FINISH_AND_CLAIM.on(&[&self.prefix]);
        command
            .arg(now)
            .arg(claim)
            .arg(&*self.lock_base)
            .arg(first)
            .arg(self.lock_duration)
            .arg(u8::from(pack))
            .arg(self.options(room).as_slice());
        let mut rest = finishes;
        let outcomes = rest.clone().count();
        let mut rule = Packed::new();
        while let Some(head) = rest.clone().next() {
            head.kind.rule(&mut rule);
            let mut next = Packed::new();
            let alike = rest
                .clone()
                .take_while(|one| {
                    one.kind.rule(&mut next);
                    one.kind.name() == head.kind.name() && next == rule
                })
                .count();
            command
                .arg(head.kind.name())
                .arg(rule.as_slice())
                .arg(alike);
            for finish in rest.by_ref().take(alike) {
                command.arg(&finish.id).arg(&finish.lock_token);
                match &finish.kind {
                    FinishKind::Completed { value, .. }
                    | FinishKind::Failed { reason: value, .. } => command.arg(value),
                    FinishKind::Delayed { delay, .. } => command.arg(*delay),
                    FinishKind::Retry { lifo } => {
                        command.arg(if *lifo { "RPUSH" } else { "LPUSH" })
                    }
                    FinishKind::Wait => command.arg(""),
                };
                if !matches!(finish.kind, FinishKind::Completed { .. }) {
                    command.arg(finish.fields.as_slice());
                }
            }
        }
        BatchCall {
            command,
            outcomes,
            now,
            first,
        }
    }
}

impl FinishKind {
    fn name(&self) -> &'static str {
        match self {
            Self::Completed { .. } => "completed",
            Self::Failed { .. } => "failed",
            Self::Delayed { .. } => "delayed",
            Self::Retry { .. } => "retry",
            Self::Wait => "wait",
        }
    }

    /// The options that the script wants with the outcome, in `rule`.
    fn rule(&self, rule: &mut Packed) {
        rule.clear();
        let packed = match self {
            Self::Completed {
                keep: KeepJobs {
                    count, age: None, ..
                },
                ..
            } => {
                let count = saturating_int(count.unwrap_or(-1.0)).max(-1);
                return rule.extend_from_slice(count.to_string().as_bytes());
            }
            Self::Completed { keep, .. } => keep.pack(Pack::new().map(1).text("keepJobs")),
            Self::Failed { keep, attempts, .. } => keep
                .pack(Pack::new().map(2).text("keepJobs"))
                .text("attempts")
                .float(*attempts),
            Self::Delayed { skip_attempt, .. } => Pack::new()
                .map(1)
                .text("skipAttempt")
                .int(i64::from(*skip_attempt)),
            Self::Retry { .. } | Self::Wait => return,
        };
        rule.extend_from_slice(&packed.done());
    }
}

/// A call of `finish_and_claim`, ready to send.
#[derive(Debug)]
pub(crate) struct BatchCall {
    command: Cmd,
    outcomes: usize,
    now: i64,
    first: u64,
}

impl BatchCall {
    /// Sends it and reads the reply.
    pub(crate) async fn send(self, conn: &Conn, batch: &Batch) -> Result<BatchReply> {
        let value = FINISH_AND_CLAIM.call(conn, &self.command).await?;
        self.read(value, &batch.lock_base)
    }

    fn read(&self, value: Value, lock_base: &str) -> Result<BatchReply> {
        let items = reply::array(NAME, value)?;
        let Ok([codes, claims, rate_limited, next_due, held_up]) = <[Value; 5]>::try_from(items)
        else {
            return Err(reply::unexpected(NAME, &Value::Array(Vec::new())));
        };
        let mut codes: Vec<i64> = reply::array(NAME, codes)?
            .iter()
            .map(|code| reply::int(NAME, code))
            .collect::<Result<_>>()?;
        if codes.is_empty() {
            // The short form for: all are 0.
            codes.resize(self.outcomes, 0);
        } else if codes.len() != self.outcomes {
            return Err(reply::unexpected(NAME, &Value::Array(Vec::new())));
        }
        let claimed = |id, sequence, fields| Claimed {
            id,
            sequence,
            lock_token: format!("{lock_base}:{sequence}"),
            fields,
            started: self.now,
        };
        let claimed = match claims {
            Value::BulkString(packed) => unpack(packed)
                .ok_or_else(|| reply::unexpected(NAME, &Value::Nil))?
                .into_iter()
                .zip(self.first..)
                .map(|((id, fields), sequence)| claimed(id, sequence, Fields::Packed(fields)))
                .collect(),
            claims => reply::array(NAME, claims)?
                .into_iter()
                .zip(self.first..)
                .map(|(claim, sequence)| {
                    let Ok([id, fields]) = <[Value; 2]>::try_from(reply::array(NAME, claim)?)
                    else {
                        return Err(reply::unexpected(NAME, &Value::Array(Vec::new())));
                    };
                    let id = reply::text(NAME, id)?;
                    Ok(claimed(id, sequence, Fields::Plain(fields)))
                })
                .collect::<Result<_>>()?,
        };
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
}

/// The ids of the claims in a packed reply, and where in it their hashes lie.
fn unpack(packed: Vec<u8>) -> Option<Vec<(String, Bytes)>> {
    let packed = Bytes::from(packed);
    let mut reader = Unpack::new(&packed);
    let count = reader.array()?;
    let mut claims = Vec::with_capacity(count.min(packed.len()));
    for _ in 0..count {
        let parts = reader.array()?;
        let id = reader.lossy()?.into_owned();
        let start = packed.len() - reader.left();
        let fields = reader.array().filter(|_| parts == 2)?;
        for _ in 0..fields {
            reader.text()?;
        }
        claims.push((id, packed.slice(start..packed.len() - reader.left())));
    }
    Some(claims)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
