-- Finds how long no job may start because max of them have started in the current window.
--
-- returns ms (0 when jobs may start), and how many more may start in the window
-- include number_or
local function rate_limit_ttl(queue, max)
  local started = number_or(redis.call("GET", queue.limiter), 0)
  if started < max then
    return 0, max - started
  end
  local ttl = redis.call("PTTL", queue.limiter)
  if ttl > 0 then
    return ttl, 0
  end
  -- Without an end (as a stock worker leaves it for `max` without `duration`) it would never count anew.
  redis.call("DEL", queue.limiter)
  return 0, max
end
