-- One row for each piece of work: the app makes it, the worker keeps its status, result and times current.
-- Old app code keeps working: a `content_jobs` that an app made is checked column by column and left as it is.
create table if not exists content_jobs (
    id text primary key,
    queue text,
    name text,
    job_id text,
    status text not null default 'pending'
        check (status in ('pending', 'queued', 'active', 'delayed', 'succeeded', 'failed', 'cancelled')),
    payload text,
    result json,
    error text,
    progress json,
    attempts_made integer not null default 0,
    attempts_started integer not null default 0,
    max_attempts integer not null default 1,
    created_at timestamptz not null default now(),
    queued_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    updated_at timestamptz not null default now()
);
create index if not exists content_jobs_newest on content_jobs (created_at desc, id desc);
create index if not exists content_jobs_by_job on content_jobs (queue, job_id);
