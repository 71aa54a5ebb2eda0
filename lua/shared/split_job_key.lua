-- Cuts a job key at its last colon.
--
-- returns the queue key (without colon) and the id, or nil when there is no colon
local function split_job_key(key)
  return string.match(key, "^(.*):([^:]*)$")
end
