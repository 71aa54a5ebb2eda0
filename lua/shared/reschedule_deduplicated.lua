-- Delays the job that a deduplication kept anew, as the dropped one was to be (opts.de.reschedule).
--
-- returns nothing
-- include number_or add_delayed add_delay_marker
local function reschedule_deduplicated(queue, job, kept)
  if not kept or not job.rule.reschedule or not redis.call("ZSCORE", queue.delayed, kept) then
    return
  end
  local delay = number_or(job.delay, 0)
  redis.call("HSET", queue.prefix .. kept, "delay", job.delay)
  add_delayed(queue, kept, job.timestamp, delay)
  add_delay_marker(queue)
end
