-- Hands an active job back to be run next, without using an attempt.
--
-- args    id, token, job key
-- reply   ms until the rate limit ends, 0 when it does not hold
-- errors  -1 no job, -2 no lock, -6 another token
-- bullmq  moveJobFromActiveToWait-9
-- include settle_outcomes
local active, wait, stalled, paused, meta, limiter, prioritized, marker, events = unpack(KEYS)
local id, token, key = unpack(ARGV)

local queue = {
  prefix = string.sub(key, 1, #key - #id), active = active, wait = wait, stalled = stalled,
  paused = paused, meta = meta, limiter = limiter, prioritized = prioritized, marker = marker,
  events = events,
}
local outcome = { kind = "wait", id = id, token = token }
settle_outcomes(queue, { outcome }, 1, 1, 0)
if outcome.code ~= 0 then
  return outcome.code
end
return math.max(0, redis.call("PTTL", limiter))
