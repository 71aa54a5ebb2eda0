-- Chooses the list that takes the ids of ready jobs without priority.
--
-- Stock 5.x keeps the ids of a paused queue in `paused` and its resume overwrites `wait`; 6.x never
-- looks into `paused` but on resume (WIRE §1.6). So the version of the app decides.
--
-- returns the wait key, or the paused key while a queue of a 5.x app is paused
-- include settings_of
local function push_target(queue)
  local settings = settings_of(queue)
  if not settings.paused then
    return queue.wait
  end
  local version = redis.call("HGET", queue.meta, "version")
  local major = version and tonumber(string.match(version, "^bullmq:(%d+)"))
  if major then
    return major < 6 and queue.paused or queue.wait
  end
  -- No version that says it: only a 5.x pause or push makes this list.
  return redis.call("EXISTS", queue.paused) == 1 and queue.paused or queue.wait
end
