-- Reads the settings in the queue's meta hash, once per script run.
--
-- returns a table: paused, concurrency, max_events, version, max, duration (false where unset)
local function settings_of(queue)
  local settings = queue.settings
  if not settings then
    local found = redis.call("HMGET", queue.meta, "paused", "concurrency", "opts.maxLenEvents",
      "version", "max", "duration")
    settings = {
      paused = found[1],
      concurrency = found[2],
      max_events = found[3],
      version = found[4],
      max = found[5],
      duration = found[6],
    }
    queue.settings = settings
  end
  return settings
end
