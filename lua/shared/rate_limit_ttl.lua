-- Finds how long no job may start because max of them have started in the current window.
--
-- returns ms (0 when jobs may start), and how many more may start in the window; no more and 0 ms means
-- a window without an end
-- include number_or
local function rate_limit_ttl(limiter, max)
  local left = max - number_or(redis.call("GET", limiter), 0)
  if left > 0 then
    return 0, left
  end
  return math.max(0, redis.call("PTTL", limiter)), left
end
