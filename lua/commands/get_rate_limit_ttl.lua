-- Finds how long no job may start because of the rate limit.
--
-- args    the worker's own max, or 0
-- reply   ms, 0 when jobs may start; without any max what PTTL says of the limiter
-- errors  none
-- bullmq  getRateLimitTtl-2
-- include number_or rate_limit_ttl
local limiter, meta = unpack(KEYS)
local own_max = unpack(ARGV)

local max = number_or(own_max, 0)
if max == 0 then
  max = number_or(redis.call("HGET", meta, "max"), 0)
end
if max <= 0 then
  return redis.call("PTTL", limiter)
end
return (rate_limit_ttl(limiter, max))
