-- Notes all keys of a job, but not its lock, for deletion by flush_doomed; childless says that it is known
-- to have neither pending nor failed children.
--
-- returns nothing
local function doom_job(queue, key, childless)
  local doomed = queue.doomed
  local n = #doomed
  doomed[n + 1] = key
  doomed[n + 2] = key .. ":logs"
  doomed[n + 3] = key .. ":processed"
  doomed[n + 4] = key .. ":failed"
  if not childless then
    doomed[n + 5] = key .. ":dependencies"
    doomed[n + 6] = key .. ":unsuccessful"
  end
end
