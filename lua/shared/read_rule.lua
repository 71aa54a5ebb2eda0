-- Decodes the options of an outcome: what becomes of the finished job, and of its attempts.
--
-- returns a table: count, age, limit and attempts (read_keep), or skip_attempt
local function read_rule(packed)
  local count = tonumber(packed)
  if count then
    -- The short form for a completed job, by far the most frequent: below 0 keeps all.
    return { count = count >= 0 and count or nil, attempts = 0 }
  end
  -- include unpack_map read_keep
  local map = unpack_map(packed)
  local rule = read_keep(map.keepJobs, map.attempts)
  rule.skip_attempt = map.skipAttempt == true or map.skipAttempt == 1 or map.skipAttempt == "1"
  return rule
end
