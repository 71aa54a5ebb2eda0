-- Finds the approximate cap of the events stream, writing the default where none is set.
--
-- returns the cap
-- include settings_of
local function max_events(queue)
  local settings = settings_of(queue)
  local cap = settings.max_events
  if not cap then
    cap = "10000"
    settings.max_events = cap
    redis.call("HSET", queue.meta, "opts.maxLenEvents", cap)
  elseif not string.find(cap, "^%d+$") or #cap > 15 then
    -- XADD would raise on it, and always after the job has moved.
    cap = "10000"
  end
  return cap
end
