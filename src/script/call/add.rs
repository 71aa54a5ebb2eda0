//! Adding jobs.

use redis::{Cmd, Value};

use crate::{
    Error, Result,
    conn::Conn,
    script::{
        ADD_DELAYED_JOB, ADD_JOBS, ADD_PARENT_JOB, ADD_PRIORITIZED_JOB, ADD_STANDARD_JOB, Script,
        reply,
    },
    wire::{Json, Pack, Packed, QueueKeys, saturating_int},
};

/// What the errors of an adding script name, as in stock.
const NAME: &str = "addJob";

/// Where a new job goes. The client chooses, because options may be odd (WIRE §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Behind the others, or with `lifo` before them.
    Standard,
    Prioritized,
    Delayed,
    /// Waits for its children.
    Parent,
}

/// A job to add.
#[derive(Clone)]
pub(crate) struct Insertion {
    pub(crate) keys: QueueKeys,
    pub(crate) place: Place,
    /// The producer's, or none for the queue's next number.
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    /// JSON text.
    pub(crate) data: String,
    /// The stored options, packed.
    pub(crate) opts: Packed,
    /// Unix ms.
    pub(crate) timestamp: f64,
    /// The parent's key, and the `parent` field.
    pub(crate) parent: Option<(String, Json)>,
    pub(crate) repeat_job_key: Option<String>,
    /// The key of the deduplication window.
    pub(crate) window: Option<String>,
    /// Whether the job comes with its whole flow, so that its parent is released at the end.
    pub(crate) in_flow: bool,
}

impl Insertion {
    /// About how many bytes this adds to a call.
    pub(crate) fn size(&self) -> usize {
        self.name.len() + self.data.len() + self.opts.len() + self.keys.base().len() + 96
    }

    /// The array of ten that describes the job.
    fn head(&self) -> Packed {
        let head = Pack::new()
            .array(10)
            .text(self.keys.base())
            .text(self.id.as_deref().unwrap_or_default())
            .text(&self.name);
        let head = if self.timestamp.fract() == 0.0 {
            head.int(saturating_int(self.timestamp))
        } else {
            head.float(self.timestamp)
        };
        let head = match &self.parent {
            Some((key, link)) => head
                .text(key)
                .text(&format!("{key}:dependencies"))
                .value(link),
            None => head.nil().nil().nil(),
        };
        let head = head
            .text_or_nil(self.repeat_job_key.as_deref())
            .text_or_nil(self.window.as_deref());
        if self.in_flow {
            head.int(1).done()
        } else {
            head.nil().done()
        }
    }

    fn refusal(&self, code: i64) -> Error {
        let parent = || {
            let parent = self.parent.as_ref();
            parent.map_or_else(String::new, |(key, _)| key.clone())
        };
        let queue = self.keys.queue();
        let id = self.id.as_deref().unwrap_or_default();
        match code {
            -5 => Error::ParentNotFound {
                parent: parent(),
                queue: queue.to_owned(),
                command: NAME,
            },
            -7 => Error::ParentTaken {
                parent: parent(),
                queue: queue.to_owned(),
                id: id.to_owned(),
                command: NAME,
            },
            code => Error::from_code(NAME, code, queue, id),
        }
    }

    /// The id in the reply, or the error that the reply stands for.
    fn outcome(&self, reply: Value) -> Result<String> {
        match reply {
            Value::Int(code) if code < 0 => Err(self.refusal(code)),
            Value::ServerError(error) => Err(Error::Redis {
                operation: NAME,
                message: error.to_string(),
                transient: false,
                ambiguous: true,
            }),
            id => reply::text(NAME, id),
        }
    }
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Prioritized => "prioritized",
            Self::Delayed => "delayed",
            Self::Parent => "parent",
        }
    }

    /// The script for one job, and the suffixes of its keys.
    fn script(self) -> (&'static Script, &'static [&'static str]) {
        match self {
            Self::Standard => (
                &ADD_STANDARD_JOB,
                &[
                    "wait",
                    "paused",
                    "meta",
                    "id",
                    "completed",
                    "delayed",
                    "active",
                    "events",
                    "marker",
                ],
            ),
            Self::Prioritized => (
                &ADD_PRIORITIZED_JOB,
                &[
                    "marker",
                    "meta",
                    "id",
                    "prioritized",
                    "delayed",
                    "completed",
                    "active",
                    "events",
                    "pc",
                ],
            ),
            Self::Delayed => (
                &ADD_DELAYED_JOB,
                &["marker", "meta", "id", "delayed", "completed", "events"],
            ),
            Self::Parent => (
                &ADD_PARENT_JOB,
                &[
                    "meta",
                    "id",
                    "delayed",
                    "waiting-children",
                    "completed",
                    "events",
                ],
            ),
        }
    }
}

/// Adds a job and returns its id: that of the job that is there already when the id is taken or
/// the job is a duplicate.
pub(crate) async fn add(conn: &Conn, job: &Insertion) -> Result<String> {
    let (script, suffixes) = job.place.script();
    let keys: Vec<String> = suffixes.iter().map(|suffix| job.keys.key(suffix)).collect();
    let mut command = script.on(&keys);
    command
        .arg(job.head().as_slice())
        .arg(&job.data)
        .arg(job.opts.as_slice());
    job.outcome(script.call(conn, &command).await?)
}

/// Adds groups of jobs, each group in one step, all in one round trip. `now` is unix ms.
///
/// The outcomes are those of the groups, and in them those of their jobs.
///
/// # Errors
/// When the server cannot be reached: then any of the jobs may have been added.
pub(crate) async fn add_groups(
    conn: &Conn,
    groups: &[&[Insertion]],
    now: i64,
) -> Result<Vec<Result<Vec<Result<String>>>>> {
    let commands: Vec<Cmd> = groups.iter().map(|jobs| group_command(jobs, now)).collect();
    let replies = ADD_JOBS.call_all(conn, &commands).await?;
    let outcomes = groups.iter().zip(replies);
    Ok(outcomes
        .map(|(jobs, reply)| group_outcome(jobs, reply))
        .collect())
}

/// Adds jobs of any queues in one step. `now` is unix ms.
pub(crate) async fn add_group(
    conn: &Conn,
    jobs: &[Insertion],
    now: i64,
) -> Result<Vec<Result<String>>> {
    group_outcome(jobs, ADD_JOBS.call(conn, &group_command(jobs, now)).await)
}

fn group_command(jobs: &[Insertion], now: i64) -> Cmd {
    let mut bases: Vec<&str> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for job in jobs {
        if seen.insert(job.keys.base()) {
            bases.push(job.keys.base());
        }
    }
    let mut command = ADD_JOBS.on(&bases);
    command.arg(now);
    for job in jobs {
        command
            .arg(job.place.name())
            .arg(job.head().as_slice())
            .arg(&job.data)
            .arg(job.opts.as_slice());
    }
    command
}

fn group_outcome(jobs: &[Insertion], reply: Result<Value>) -> Result<Vec<Result<String>>> {
    let replies = reply::array(NAME, reply?)?;
    if replies.len() != jobs.len() {
        return Err(reply::unexpected(NAME, &Value::Array(replies)));
    }
    let outcomes = jobs.iter().zip(replies);
    Ok(outcomes.map(|(job, reply)| job.outcome(reply)).collect())
}

impl std::fmt::Debug for Insertion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Insertion")
            .field("queue", &self.keys.queue())
            .field("name", &self.name)
            .field("id", &self.id)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
