-- Tells whether the queue hands out no jobs now: paused, or at its global concurrency.
--
-- returns true or false
-- include number_or settings_of
local function paused_or_maxed(queue)
  local settings = settings_of(queue)
  if settings.paused then
    return true
  end
  local concurrency = number_or(settings.concurrency, nil)
  return concurrency ~= nil and redis.call("LLEN", queue.active) >= concurrency
end
