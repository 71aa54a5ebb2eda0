-- Applies a deduplication rule (opts.de) with `replace`: a job about to be added takes the place of
-- one that is still delayed (WIRE §4.3).
--
-- returns the id of the job that stands for it, or nil when it is to be added
-- include number_or own_deduplication recover_deduplication store_next_job add_deduplicated_event
-- include delete_job_keys
local function replace_deduplicated(queue, job, rule, window)
  local owner = redis.call("GET", window)
  if not owner then
    own_deduplication(window, job.id, rule)
    return nil
  end
  if redis.call("ZREM", queue.delayed, owner) == 0 then
    if recover_deduplication(queue, job, rule, window, owner) then
      return nil
    end
    store_next_job(queue, job, rule, window, owner)
    return owner
  end
  delete_job_keys(queue.prefix .. owner)
  redis.call("XADD", queue.events, "*", "event", "removed", "jobId", owner, "prev", "delayed")
  add_deduplicated_event(queue, job.id, rule.id, owner)
  redis.call("DEL", queue.prefix .. "dn:" .. rule.id)
  if number_or(rule.ttl, 0) >= 1 and not rule.extend and not rule.keepLastIfActive then
    redis.call("SET", window, job.id, "KEEPTTL")
  else
    own_deduplication(window, job.id, rule)
  end
  return nil
end
