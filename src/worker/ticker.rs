//! Arms the next iteration of a job scheduler when one of its jobs starts (WIRE §5.7).

use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use tracing::{error, warn};

use crate::{
    Error, Result, clock,
    conn::Conn,
    scheduler::{Planned, has_legacy_shape, plan},
    script::call,
    wire::{JobRecord, QueueKeys, saturating_int},
};

/// Pause before an absent Redis is asked again.
const RETRY: Duration = Duration::from_millis(200);

/// Keeps the schedulers of one queue going.
#[derive(Debug)]
pub(super) struct Ticker {
    conn: Conn,
    keys: QueueKeys,
}

/// The iteration after a job, before the server has given it a delay and an id.
#[derive(Debug, PartialEq)]
struct Iteration {
    /// Unix ms of a cron slot; none for an interval, whose slot the script computes.
    slot: Option<i64>,
    opts: Map<String, Value>,
}

impl Ticker {
    pub(super) fn new(conn: Conn, keys: QueueKeys) -> Self {
        Self { conn, keys }
    }

    /// Arms the iteration after this job, if the job is a scheduler's.
    ///
    /// Must be called before the job runs: the schedule then goes on whatever the job does. A
    /// schedule that cannot be followed is reported, and the job runs all the same.
    pub(super) async fn tick(&self, record: &JobRecord) {
        let Some(scheduler) = record.repeat_job_key.as_deref() else {
            return;
        };
        if let Err(error) = self.arm(scheduler, record).await {
            error!(
                target: "bullrs::worker",
                queue = self.keys.queue(), job_id = record.id, scheduler, %error,
                "cannot plan the scheduler's next job"
            );
        }
    }

    async fn arm(&self, scheduler: &str, record: &JobRecord) -> Result<()> {
        if has_legacy_shape(scheduler) && !self.is_scheduler(scheduler).await? {
            warn!(
                target: "bullrs::worker",
                queue = self.keys.queue(), job_id = record.id, scheduler,
                "left a repeatable of an old client to it; re-create it with upsertJobScheduler"
            );
            return Ok(());
        }
        let Some(next) = iteration(scheduler, record, clock::now(), &TimeZone::system())? else {
            return Ok(());
        };
        let opts = Value::Object(next.opts);
        loop {
            let armed = call::update_job_scheduler(
                &self.conn,
                &self.keys,
                scheduler,
                record,
                next.slot,
                &opts,
                clock::now(),
            );
            match armed.await {
                Err(error) if error.is_transient() => {
                    tokio::time::sleep_until((Instant::now() + RETRY).into()).await;
                }
                armed => return armed,
            }
        }
    }

    async fn is_scheduler(&self, scheduler: &str) -> Result<bool> {
        loop {
            match call::is_job_scheduler(&self.conn, &self.keys, scheduler).await {
                Err(error) if error.is_transient() => {
                    tokio::time::sleep_until((Instant::now() + RETRY).into()).await;
                }
                answer => return answer,
            }
        }
    }
}

/// The iteration after this job, or `None` when its schedule is over.
fn iteration(
    scheduler: &str,
    record: &JobRecord,
    now: i64,
    local: &TimeZone,
) -> Result<Option<Iteration>> {
    let Some(repeat) = &record.opts.repeat else {
        return Ok(None);
    };
    let mut opts: Map<String, Value> =
        serde_json::from_str(&record.opts_json).map_err(|error| Error::Decode {
            what: "`opts`".into(),
            reason: crate::wire::without_content(&error),
        })?;
    let stored = opts
        .get("repeat")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let previous = record.opts.prev_millis.map(saturating_int);
    let planned = plan(scheduler, repeat, &stored, previous, now, local)?;
    let Ok(Planned { slot, repeat }) = planned else {
        return Ok(None);
    };
    opts.insert("repeat".into(), Value::Object(repeat));
    opts.insert("repeatJobKey".into(), json!(scheduler));
    opts.insert("timestamp".into(), json!(now));
    // As every job that a JavaScript client adds (WIRE §2.1).
    opts.entry("attempts").or_insert(json!(0));
    // Stock reads the job before it plans the next, and then a bare number has become a kind.
    if let Some(delay) = opts.get("backoff").filter(|backoff| backoff.is_number()) {
        let fixed = json!({ "type": "fixed", "delay": delay });
        opts.insert("backoff".into(), fixed);
    }
    match slot {
        Some(slot) => opts.insert("prevMillis".into(), json!(slot)),
        None => opts.remove("prevMillis"),
    };
    Ok(Some(Iteration { slot, opts }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(opts: &str) -> JobRecord {
        JobRecord::read(
            "repeat:s:1000",
            [("name", "n"), ("data", "{}"), ("opts", opts)],
        )
    }

    #[test]
    fn a_cron_job_plans_the_slot_after_it() {
        let record = record(
            r#"{"attempts":3,"jobId":"repeat:s:1000","prevMillis":60000,
                "repeat":{"pattern":"* * * * *","count":4,"immediately":true}}"#,
        );
        let next = iteration("s", &record, 30_000, &TimeZone::UTC)
            .unwrap()
            .unwrap();
        assert_eq!(next.slot, Some(120_000));
        assert_eq!(
            next.opts["repeat"],
            json!({"pattern": "* * * * *", "count": 5})
        );
        assert_eq!(next.opts["prevMillis"], json!(120_000));
        assert_eq!(next.opts["attempts"], json!(3));
        assert_eq!(next.opts["repeatJobKey"], json!("s"));
    }

    #[test]
    fn an_interval_leaves_the_slot_to_the_script() {
        let record = record(r#"{"prevMillis":1,"repeat":{"every":1000,"count":1,"offset":7}}"#);
        let next = iteration("s", &record, 5000, &TimeZone::UTC)
            .unwrap()
            .unwrap();
        assert_eq!(next.slot, None);
        assert!(!next.opts.contains_key("prevMillis"));
        assert_eq!(
            next.opts["repeat"],
            json!({"every": 1000, "count": 2, "offset": 7})
        );
    }

    #[test]
    fn a_backoff_that_is_a_number_becomes_a_kind() {
        let record = record(r#"{"backoff":250,"repeat":{"every":1000}}"#);
        let next = iteration("s", &record, 5000, &TimeZone::UTC)
            .unwrap()
            .unwrap();
        assert_eq!(next.opts["backoff"], json!({"type": "fixed", "delay": 250}));
    }

    #[test]
    fn a_schedule_that_is_over_plans_nothing() {
        for repeat in [
            r#"{"repeat":{"every":1000,"count":3,"limit":3}}"#,
            r#"{"repeat":{"every":1000,"endDate":4999}}"#,
            "{}",
        ] {
            let next = iteration("s", &record(repeat), 5000, &TimeZone::UTC).unwrap();
            assert_eq!(next, None, "{repeat}");
        }
    }
}
