//! Every statement, once for both databases, with the marks of `columns.rs`.
//!
//! A *run* is one start of a BullMQ job: its id, how often the job was started (`ats`), and when
//! (`processedOn`). A row belongs to the newest run that was written to it. Redis counts starts, so
//! the count orders the runs of one job even where their workers' clocks differ a little; only runs
//! of different jobs, and of a job whose count was reset, are ordered by time. Times that are more
//! than a minute apart are beyond any such difference, and then the time decides.

use std::sync::Arc;

use super::{columns::Columns, recap};

/// Sets `active`, unless the row belongs to this run already or to a newer one.
const START: &str = "
with {set new_id:text new_queue:text new_name:text new_job_id:text new_made:int new_starts:int \
     new_max:int new_queued_at:int new_started_at:int new_at:int}
update content_jobs as c
set status = {status='active'},
    queue = {queue=w.new_queue},
    name = {name=w.new_name},
    job_id = {job_id=w.new_job_id},
    attempts_made = {attempts_made=w.new_made},
    attempts_started = {attempts_started=w.new_starts},
    max_attempts = {max_attempts=w.new_max},
    queued_at = coalesce(c.queued_at, {queued_at=w.new_queued_at}),
    started_at = {started_at=w.new_started_at},
    finished_at = null,
    result = null,
    progress = case when c.job_id = {job_id=w.new_job_id} then c.progress end,
    updated_at = {updated_at=w.new_at}
from w
where c.id = {id=w.new_id}
  and (c.attempts_started = 0
       or coalesce({c.started_at}, {c.queued_at}) is null
       or w.new_started_at > coalesce({c.started_at}, {c.queued_at})
       or (c.job_id = {job_id=w.new_job_id}
           and w.new_starts > c.attempts_started
           and w.new_started_at > coalesce({c.started_at}, {c.queued_at}) - 60000))";

/// The payloads of rows that were just started, and whether each belongs to the run that asked.
const STARTED: &str = "
with {set new_id:text new_job_id:text new_starts:int new_started_at:int}
select cast(w.new_id as text),
       {c.payload},
       cast(case when c.job_id = {job_id=w.new_job_id}
                  and c.attempts_started = w.new_starts
                  and c.started_at = {started_at=w.new_started_at} then 1 else 0 end as bigint)
from w
join content_jobs as c on c.id = {id=w.new_id}";

/// Sets the progress of the run that the row belongs to, while it goes on.
const PROGRESS: &str = "
with {set new_id:text new_job_id:text new_starts:int new_started_at:int new_progress:text \
     new_at:int}
update content_jobs as c
set progress = {progress=w.new_progress},
    updated_at = {updated_at=w.new_at}
from w
where c.id = {id=w.new_id}
  and c.job_id = {job_id=w.new_job_id}
  and c.attempts_started = w.new_starts
  and c.started_at = {started_at=w.new_started_at}
  and c.status not in ('succeeded', 'failed', 'cancelled')";

/// Writes how a run ended: of the run that the row belongs to, or of a newer one whose start was
/// never written because the database was away.
///
/// A row that goes back to `queued` has no `started_at`: that sets our `queued` apart from an app's,
/// which enqueued the row anew or was late, and a second copy of our write finds nothing to do.
const SETTLE: &str = "
with {set new_id:text new_queue:text new_name:text new_job_id:text new_made:int new_starts:int \
     new_max:int new_queued_at:int new_started_at:int new_at:int new_status:text new_result:text \
     new_error:text new_progress:text}
update content_jobs as c
set status = {status=w.new_status},
    queue = {queue=w.new_queue},
    name = {name=w.new_name},
    job_id = {job_id=w.new_job_id},
    attempts_made = {attempts_made=w.new_made},
    attempts_started = {attempts_started=w.new_starts},
    max_attempts = {max_attempts=w.new_max},
    queued_at = case when w.new_status = 'queued' then {queued_at=w.new_at}
                     else coalesce(c.queued_at, {queued_at=w.new_queued_at}) end,
    started_at = case when w.new_status = 'queued' then null
                      else {started_at=w.new_started_at} end,
    finished_at = case when w.new_status in ('succeeded', 'failed', 'cancelled')
                       then {finished_at=w.new_at} end,
    result = {result=w.new_result},
    error = case when w.new_status = 'succeeded' then null
                 when w.new_error is null then c.error
                 else {error=w.new_error} end,
    progress = case when w.new_progress is not null then {progress=w.new_progress}
                    when c.job_id = {job_id=w.new_job_id} then c.progress end,
    updated_at = {updated_at=w.new_at}
from w
where c.id = {id=w.new_id}
  and ((c.job_id = {job_id=w.new_job_id}
        and c.attempts_started = w.new_starts
        and c.started_at = {started_at=w.new_started_at}
        and c.status not in ('succeeded', 'failed', 'cancelled'))
       or c.attempts_started = 0
       or coalesce({c.started_at}, {c.queued_at}) is null
       or (c.job_id = {job_id=w.new_job_id}
           and w.new_starts > c.attempts_started
           and w.new_started_at > coalesce({c.started_at}, {c.queued_at}) - 60000)
       or ((c.status in ('pending', 'queued') or c.job_id <> {job_id=w.new_job_id})
           and w.new_started_at > coalesce({c.started_at}, {c.queued_at}))
       or w.new_started_at > coalesce({c.started_at}, {c.queued_at}) + 60000)";

/// Appends events; one that is there already (the same entry of a stream, or a repeated write of
/// the worker's own) is left alone.
const APPEND: &str = "
with {set new_content_job_id:text new_queue:text new_job_id:text new_stream_id:text \
     new_event:text new_attempt:int new_message:text new_data:text new_at:int}
insert into job_events
    (content_job_id, queue, job_id, stream_id, event, attempt, message, data, at)
select {content_job_id=w.new_content_job_id},
       {queue=w.new_queue},
       {job_id=w.new_job_id},
       {stream_id=w.new_stream_id},
       {event=w.new_event},
       {attempt=w.new_attempt},
       {message=w.new_message},
       {data=w.new_data},
       {at=w.new_at}
from w
where true
on conflict do nothing";

const INSERT: &str = "
insert into content_jobs
    (id, queue, name, status, payload, max_attempts, attempts_made, attempts_started, created_at,
     updated_at)
values ({id=$1}, {queue=$2}, {name=$3}, {status='pending'}, {payload=$4}, {max_attempts=$5},
        {attempts_made=0}, {attempts_started=0}, {created_at=$6}, {updated_at=$6})
on conflict do nothing";

const QUEUED: &str = "
update content_jobs as c
set status = {status='queued'},
    queue = {queue=$2},
    name = {name=$3},
    job_id = {job_id=$4},
    queued_at = {queued_at=$5},
    updated_at = {updated_at=$5}
where c.id = {id=$1}
  and c.status = 'pending'";

const RETRIED: &str = "
update content_jobs as c
set status = {status='queued'},
    error = null,
    result = null,
    queued_at = {queued_at=$2},
    started_at = null,
    finished_at = null,
    updated_at = {updated_at=$2}
where c.id = {id=$1}
  and c.status in ('succeeded', 'failed', 'cancelled')
  and coalesce({c.finished_at}, 0) <= $2";

const CANCELLED: &str = "
update content_jobs as c
set status = {status='cancelled'},
    error = {error=$2},
    finished_at = {finished_at=$3},
    updated_at = {updated_at=$3}
where c.id = {id=$1}
  and c.status in ('pending', 'queued', 'delayed')";

macro_rules! job_columns {
    () => {
        "{c.id}, {c.queue}, {c.name}, {c.job_id}, {c.status},
       cast(case when c.payload is null then 0 else 1 end as bigint),
       {c.result}, {c.error}, {c.progress}, {c.attempts_made}, {c.attempts_started},
       {c.max_attempts}, {c.created_at}, {c.queued_at}, {c.started_at}, {c.finished_at},
       {c.updated_at}, {c.created_at#}"
    };
}

const JOB: &str = concat!(
    "select ",
    job_columns!(),
    "
from content_jobs as c
where c.id = {id=$1}"
);

const JOBS: &str = concat!(
    "select ",
    job_columns!(),
    "
from content_jobs as c
where c.created_at is not null
  and (cast($1 as text) is null or cast($1 as text) like '%,' || {c.status} || ',%')
  and (cast($2 as text) is null or c.queue = {queue=$2})
  and (cast($3 as text) is null or c.name = {name=$3})
  and (cast($4 as text) is null or c.job_id = {job_id=$4})
  and (cast($6 as text) is null or (c.created_at, c.id) < ({created_at#=$5}, {id=$6}))
order by c.created_at desc, c.id desc
limit $7"
);

const PAYLOAD: &str = "
select {c.payload}
from content_jobs as c
where c.id = {id=$1}";

/// Payloads that do not begin with `v1.<key id>.`
const SEALED_OTHERWISE: &str = "
select {c.id}, {c.payload}
from content_jobs as c
where c.payload is not null
  and substr({c.payload}, 1, length(cast($1 as text))) <> cast($1 as text)
  and (cast($2 as text) is null or c.id > {id=$2})
order by c.id
limit $3";

const RESEALED: &str = "
update content_jobs as c
set payload = {payload=$3}
where c.id = {id=$1}
  and {c.payload} = cast($2 as text)";

macro_rules! event_columns {
    () => {
        "{e.id}, {e.content_job_id}, {e.queue}, {e.job_id}, {e.stream_id}, {e.event}, {e.attempt},
       {e.message}, {e.data}, {e.at}"
    };
}

const EVENTS_OF_ROW: &str = concat!(
    "select ",
    event_columns!(),
    "
from job_events as e
where e.content_job_id = {content_job_id=$1}
  and e.id > $2
order by e.id
limit $3"
);

const EVENTS_OF_JOB: &str = concat!(
    "select ",
    event_columns!(),
    "
from job_events as e
where e.queue = {queue=$1}
  and e.job_id = {job_id=$2}
  and e.id > $3
order by e.id
limit $4"
);

/// The statements, filled for the tables at hand.
pub(super) struct Statements {
    pub(super) start: Arc<str>,
    pub(super) started: Arc<str>,
    pub(super) progress: Arc<str>,
    pub(super) settle: Arc<str>,
    pub(super) append: Arc<str>,
    pub(super) insert: Arc<str>,
    pub(super) queued: Arc<str>,
    pub(super) retried: Arc<str>,
    pub(super) cancelled: Arc<str>,
    pub(super) job: Arc<str>,
    pub(super) jobs: Arc<str>,
    pub(super) payload: Arc<str>,
    pub(super) sealed_otherwise: Arc<str>,
    pub(super) resealed: Arc<str>,
    pub(super) events_of_row: Arc<str>,
    pub(super) events_of_job: Arc<str>,
    pub(super) recap_groups: Arc<str>,
    pub(super) recap_failures: Arc<str>,
    /// Whether JSON must be fit for `jsonb`.
    pub(super) jsonb: bool,
}

impl Statements {
    pub(super) fn new(jobs: &Columns, events: &Columns) -> Self {
        Self {
            start: jobs.fill(START),
            started: jobs.fill(STARTED),
            progress: jobs.fill(PROGRESS),
            settle: jobs.fill(SETTLE),
            append: events.fill(APPEND),
            insert: jobs.fill(INSERT),
            queued: jobs.fill(QUEUED),
            retried: jobs.fill(RETRIED),
            cancelled: jobs.fill(CANCELLED),
            job: jobs.fill(JOB),
            jobs: jobs.fill(JOBS),
            payload: jobs.fill(PAYLOAD),
            sealed_otherwise: jobs.fill(SEALED_OTHERWISE),
            resealed: jobs.fill(RESEALED),
            events_of_row: events.fill(EVENTS_OF_ROW),
            events_of_job: events.fill(EVENTS_OF_JOB),
            recap_groups: jobs.fill(recap::GROUPS),
            recap_failures: jobs.fill(recap::FAILURES),
            jsonb: jobs.jsonb || events.jsonb,
        }
    }
}
