-- An app sets `queued` after it enqueued, when the worker may already be further: that late write keeps the status.
-- Old app code keeps working: its other columns are written, and a row that is queued anew (another job, or times cleared) is.
create or replace function bullrs_late_queued() returns trigger
    language plpgsql
    as $$
begin
    if new.status = 'queued'
        and old.status not in ('pending', 'queued')
        and new.job_id is not distinct from old.job_id
        and new.started_at is not distinct from old.started_at
        and new.finished_at is not distinct from old.finished_at
    then
        new.status := old.status;
    end if;
    return new;
end
$$;
drop trigger if exists bullrs_late_queued on content_jobs;
-- Neither columns nor a condition here: the app could not alter the types of those that are named.
create trigger bullrs_late_queued
    before update on content_jobs
    for each row
    execute function bullrs_late_queued();
