-- Notes all keys of a job, but not its lock, for deletion by flush_doomed.
--
-- returns nothing
local function doom_job(queue, key)
  local doomed = queue.doomed
  local n = #doomed
  doomed[n + 1] = key
  doomed[n + 2] = key .. ":logs"
  doomed[n + 3] = key .. ":dependencies"
  doomed[n + 4] = key .. ":processed"
  doomed[n + 5] = key .. ":failed"
  doomed[n + 6] = key .. ":unsuccessful"
end
