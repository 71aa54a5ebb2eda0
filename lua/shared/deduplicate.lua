-- Applies the deduplication rule (opts.de) of a job about to be added (WIRE §4.3).
--
-- returns the id of the job that stands for it, or nil when it is to be added
-- include number_or own_deduplication
local function deduplicate(queue, job, rule, window)
  local ttl = math.floor(number_or(rule.ttl, 0))
  local extend = rule.extend and ttl > 0
  local owner
  if extend then
    owner = redis.call("GET", window)
    if not owner then
      own_deduplication(window, job.id, rule)
      return nil
    end
  else
    local taken
    if ttl > 0 and not rule.keepLastIfActive then
      taken = redis.call("SET", window, job.id, "NX", "PX", ttl)
    else
      taken = redis.call("SET", window, job.id, "NX")
    end
    if taken then
      return nil
    end
    owner = redis.call("GET", window)
  end
  -- include recover_deduplication store_next_job add_deduplicated_event
  if recover_deduplication(queue, job, rule, window, owner) then
    return nil
  end
  if not store_next_job(queue, job, rule, window, owner) then
    if extend then
      own_deduplication(window, owner, rule)
    end
    add_deduplicated_event(queue, owner, rule.id, job.id)
  end
  return owner
end
