-- Takes a new job up to the point where it is stored: checks its parent, numbers it, and looks for one
-- with the same id or in the same deduplication window.
--
-- returns nil when the job is stored and has to be placed, else the reply of the adding script: an id,
-- -5 when the parent is gone, or -7 when the job with that id has another living parent; then, second,
-- the id of the job that a deduplication kept
-- include max_events store_job
local function admit_job(queue, job, counter, may_replace)
  if job.parent_key and redis.call("EXISTS", job.parent_key) == 0 then
    return -5
  end
  local number = redis.call("INCR", counter)
  max_events(queue)
  if job.custom_id and job.custom_id ~= "" then
    job.id = job.custom_id
    job.key = queue.prefix .. job.id
    if redis.call("EXISTS", job.key) == 1 then
      -- include settle_duplicate
      return settle_duplicate(queue, job, job.timestamp)
    end
  else
    job.id = string.format("%.0f", number)
    job.key = queue.prefix .. job.id
  end
  local rule = job.rule
  if rule and rule.id and job.window then
    local kept
    if rule.replace and may_replace then
      -- include replace_deduplicated
      kept = replace_deduplicated(queue, job, rule, job.window)
    else
      -- include deduplicate
      kept = deduplicate(queue, job, rule, job.window)
    end
    if kept then
      return kept, kept
    end
  end
  store_job(queue, job)
  return nil
end
