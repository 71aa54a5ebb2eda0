-- Settles the adding of a job whose id is taken: the job there stays, and joins the new parent unless
-- it has another living one.
--
-- returns the id, or -7 when the job there has another living parent
-- include max_events attach_to_parent
local function settle_duplicate(queue, job, now)
  if job.parent_key then
    local current = redis.call("HGET", job.key, "parentKey")
    if current and current ~= job.parent_key and redis.call("EXISTS", current) == 1 then
      if job.in_flow then
        redis.call("HSET", job.parent_key, "flowAttachmentFailed", "1")
      end
      return -7
    end
    attach_to_parent(queue, job, now)
  end
  redis.call("XADD", queue.events, "MAXLEN", "~", max_events(queue), "*",
    "event", "duplicated", "jobId", job.id)
  return job.id
end
