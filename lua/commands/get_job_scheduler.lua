-- Reads a scheduler's definition and the due time of its armed iteration.
--
-- args    scheduler id
-- reply   [flat field and value array, due ms], or an empty array when it is not registered
-- errors  none
-- bullmq  getJobScheduler-1
local schedulers = unpack(KEYS)
local id = unpack(ARGV)

local due = redis.call("ZSCORE", schedulers, id)
if not due then
  return {}
end
return { redis.call("HGETALL", schedulers .. ":" .. id), due }
