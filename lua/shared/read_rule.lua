-- Decodes the options of an outcome: what becomes of the finished job, and of its attempts.
--
-- returns a table: keep (read_keep), attempts, skip_attempt
-- include unpack_map read_keep
local function read_rule(packed)
  local map = unpack_map(packed)
  return {
    keep = read_keep(map.keepJobs),
    -- Only ever compared, so it may be as large as JavaScript's numbers are.
    attempts = tonumber(map.attempts) or 0,
    skip_attempt = map.skipAttempt == true or map.skipAttempt == 1 or map.skipAttempt == "1",
  }
end
