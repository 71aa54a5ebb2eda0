-- Reads the settings in the queue's meta hash, once per script run.
--
-- returns a table: paused, concurrency, max_events, max (false where unset)
local function settings_of(queue)
  local settings = queue.settings
  if not settings then
    local found = redis.call("HMGET", queue.meta, "paused", "concurrency", "opts.maxLenEvents", "max")
    settings = { paused = found[1], concurrency = found[2], max_events = found[3], max = found[4] }
    queue.settings = settings
  end
  return settings
end
