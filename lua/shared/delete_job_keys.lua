-- Deletes what belongs to a job, but not its lock.
--
-- returns how many keys went
local function delete_job_keys(key)
  return redis.call("DEL", key, key .. ":logs", key .. ":dependencies", key .. ":processed",
    key .. ":failed", key .. ":unsuccessful")
end
