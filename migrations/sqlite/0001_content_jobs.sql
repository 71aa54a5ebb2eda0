-- One row for each piece of work: the app makes it, the worker keeps its status, result and times current.
-- Old app code keeps working: a `content_jobs` that an app made is checked column by column and left as it is.
-- Times are unix milliseconds, as `Date.now()` gives them; JSON is text.
create table if not exists content_jobs (
    id text primary key not null,
    queue text,
    name text,
    job_id text,
    status text not null default 'pending'
        check (status in ('pending', 'queued', 'active', 'delayed', 'succeeded', 'failed', 'cancelled')),
    payload text,
    result text,
    error text,
    progress text,
    attempts_made integer not null default 0,
    attempts_started integer not null default 0,
    max_attempts integer not null default 1,
    created_at integer not null default (cast(round((julianday('now') - 2440587.5) * 86400000) as integer)),
    queued_at integer,
    started_at integer,
    finished_at integer,
    updated_at integer not null default (cast(round((julianday('now') - 2440587.5) * 86400000) as integer))
);
create index if not exists content_jobs_newest on content_jobs (created_at desc, id desc);
create index if not exists content_jobs_by_job on content_jobs (queue, job_id);
