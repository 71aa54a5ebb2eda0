-- Computes a score that is due at a time and behind all jobs due at the same time (WIRE §1.3).
--
-- returns the score
local function delayed_score(delayed, due)
  local low = due * 4096
  local high = low + 4095
  local last = redis.call("ZREVRANGEBYSCORE", delayed, high, low, "WITHSCORES", "LIMIT", "0", "1")
  if not last[2] then
    return low
  end
  local next_score = tonumber(last[2]) + 1
  return next_score < high and next_score or high
end
