-- Makes delayed jobs that are due by now ready to run, at most 1000 in one run of a script.
--
-- returns nothing
local function promote_delayed(queue, now)
  if queue.promoted then
    return
  end
  queue.promoted = true
  if redis.call("ZCARD", queue.delayed) == 0 then
    return
  end
  local due = redis.call("ZRANGEBYSCORE", queue.delayed, "-inf", (now + 1) * 4096 - 1,
    "LIMIT", "0", queue.promotable or "1000")
  queue.promotable = (queue.promotable or 1000) - #due
  if #due == 0 then
    return
  end
  -- include number_or push_target priority_score add_base_marker
  queue.last_due = nil
  redis.call("ZREM", queue.delayed, unpack(due))
  local plain = {}
  for i = 1, #due do
    local id = due[i]
    local key = queue.prefix .. id
    -- pcall: a key that is no hash must not strand the other jobs, which have left `delayed`.
    local priority = number_or(redis.pcall("HGET", key, "priority"), 0)
    if priority == 0 then
      plain[#plain + 1] = id
    else
      redis.call("ZADD", queue.prioritized, priority_score(queue, priority), id)
    end
    redis.call("XADD", queue.events, "*", "event", "waiting", "jobId", id, "prev", "delayed")
    redis.pcall("HSET", key, "delay", "0")
  end
  if #plain > 0 then
    redis.call("LPUSH", push_target(queue), unpack(plain))
  end
  add_base_marker(queue)
end
