-- Tells whether as many jobs are active as the global concurrency allows.
--
-- args    none
-- reply   1 or nil
-- errors  none
-- bullmq  isMaxed-2
-- include number_or
local meta, active = unpack(KEYS)

local concurrency = number_or(redis.call("HGET", meta, "concurrency"), nil)
return concurrency ~= nil and redis.call("LLEN", active) >= concurrency
