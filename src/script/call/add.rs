//! Adding jobs.

use redis::Value;
use serde_json::Map;

use crate::{
    Error, Result,
    conn::Conn,
    script::{ADD_DELAYED_JOB, ADD_PRIORITIZED_JOB, ADD_STANDARD_JOB, Script, reply},
    wire::{Pack, QueueKeys},
};

/// A job to add. `opts` has the stored, short names (WIRE §2.1).
#[derive(Debug, Clone)]
pub(crate) struct NewJob {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    /// JSON text.
    pub(crate) data: String,
    pub(crate) opts: Map<String, serde_json::Value>,
    pub(crate) timestamp: i64,
    pub(crate) delay: u64,
    pub(crate) priority: u32,
    pub(crate) deduplication_id: Option<String>,
}

/// Adds a job and returns its id: that of the job that is there already when the id is taken or
/// the job is a duplicate.
pub(crate) async fn add(conn: &Conn, keys: &QueueKeys, job: &NewJob) -> Result<String> {
    let (script, name, suffixes): (&'static Script, _, &[&str]) = if job.delay > 0 {
        (
            &ADD_DELAYED_JOB,
            "addDelayedJob",
            &["marker", "meta", "id", "delayed", "completed", "events"],
        )
    } else if job.priority > 0 {
        (
            &ADD_PRIORITIZED_JOB,
            "addPrioritizedJob",
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
        )
    } else {
        (
            &ADD_STANDARD_JOB,
            "addStandardJob",
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
        )
    };
    let keys_of: Vec<String> = suffixes.iter().map(|suffix| keys.key(suffix)).collect();
    let deduplication_key = job
        .deduplication_id
        .as_ref()
        .map(|id| keys.key(&format!("de:{id}")));
    let head = Pack::new()
        .array(10)
        .text(keys.base())
        .text(job.id.as_deref().unwrap_or_default())
        .text(&job.name)
        .int(job.timestamp)
        .nil()
        .nil()
        .nil()
        .nil()
        .text_or_nil(deduplication_key.as_deref())
        .nil();
    let opts = Pack::new().json(&serde_json::Value::Object(job.opts.clone()));
    let mut command = script.on(&keys_of);
    command
        .arg(head.done().as_slice())
        .arg(&job.data)
        .arg(opts.done().as_slice());
    match script.call(conn, &command).await? {
        Value::Int(code) if code < 0 => {
            let id = job.id.as_deref().unwrap_or_default();
            Err(Error::from_code(name, code, keys.queue(), id))
        }
        id => reply::text(name, id),
    }
}
