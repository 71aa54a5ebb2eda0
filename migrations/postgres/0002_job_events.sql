-- The timeline: what happened to each job and when, whoever ran it.
-- Old app code keeps working: the table is new, and nothing in it refers to the app's rows, which may go at any time.
create table if not exists job_events (
    id bigint generated always as identity primary key,
    content_job_id text,
    queue text not null,
    job_id text,
    stream_id text,
    event text not null,
    attempt integer,
    message text,
    data json,
    at timestamptz not null default now()
);
-- An entry of a queue's event stream stands once, however often it was read.
create unique index if not exists job_events_stream on job_events (queue, stream_id);
-- What the worker recorded itself stands once, even when it had to write it again after losing the database.
create unique index if not exists job_events_own on job_events (queue, job_id, event, attempt, at)
    where stream_id is null;
create index if not exists job_events_by_content_job on job_events (content_job_id, id);
create index if not exists job_events_by_job on job_events (queue, job_id, id);
