-- An app sets `queued` after it enqueued, when the worker may already be further: that late write keeps the status.
-- Old app code keeps working: its other columns are written, and a row that is queued anew (another job, or times cleared) is.
create trigger if not exists bullrs_late_queued
    after update of status on content_jobs
    when new.status = 'queued'
        and old.status not in ('pending', 'queued')
        and new.job_id is old.job_id
        and new.started_at is old.started_at
        and new.finished_at is old.finished_at
begin
    update content_jobs set status = old.status where id = new.id;
end;
