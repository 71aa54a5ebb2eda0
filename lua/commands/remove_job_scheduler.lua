-- Unregisters a scheduler and deletes its armed iteration if that is still delayed.
--
-- args    scheduler id, key prefix of the queue
-- reply   0 removed, 1 not registered
-- errors  none
-- bullmq  removeJobScheduler-3
-- include delete_job_keys
local schedulers, delayed, events = unpack(KEYS)
local id, prefix = unpack(ARGV)

local due = redis.call("ZSCORE", schedulers, id)
if not due then
  return 1
end

local armed = "repeat:" .. id .. ":" .. due
if redis.call("ZREM", delayed, armed) == 1 then
  delete_job_keys(prefix .. armed)
  redis.call("XADD", events, "*", "event", "removed", "jobId", armed, "prev", "delayed")
end
redis.call("ZREM", schedulers, id)
redis.call("DEL", schedulers .. ":" .. id)
return 0
