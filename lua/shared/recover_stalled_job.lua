-- Makes a job that has stalled in `active` the next one to run, and counts the stall; above max_stalled
-- it carries a deferred failure then, unless a living scheduler would be left without its job.
--
-- returns nothing
-- include push_target add_base_marker
local function recover_stalled_job(queue, id, max_stalled)
  local key = queue.prefix .. id
  local stalls = redis.pcall("HINCRBY", key, "stc", "1")
  if type(stalls) ~= "number" then
    stalls = 1
    redis.pcall("HSET", key, "stc", "1")
  end
  if stalls > max_stalled then
    local scheduler = redis.pcall("HGET", key, "rjk")
    local armed = type(scheduler) == "string"
      and (redis.call("EXISTS", queue.prefix .. "repeat:" .. scheduler) == 1
        or redis.call("ZSCORE", queue.schedulers, scheduler))
    if not armed then
      redis.pcall("HSET", key, "defa", "job stalled more than allowable limit")
    end
  end
  redis.call("RPUSH", push_target(queue), id)
  add_base_marker(queue)
  redis.call("XADD", queue.events, "*", "event", "waiting", "jobId", id, "prev", "active")
  redis.call("XADD", queue.events, "*", "event", "stalled", "jobId", id)
end
