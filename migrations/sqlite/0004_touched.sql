-- A recap counts what ended or changed in a window of time; without these it would read every row, payloads and all.
-- Old app code keeps working: indexes alone, on columns that it has.
create index if not exists content_jobs_finished on content_jobs (finished_at);
-- With `created_at`, because rows that were never updated count from when they were made.
create index if not exists content_jobs_touched on content_jobs (updated_at, created_at);
