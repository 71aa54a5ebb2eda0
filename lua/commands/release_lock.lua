-- Gives up the lock of a job.
--
-- args    token
-- reply   1 given up, 0 when there is no lock or another token holds it
-- errors  none
-- bullmq  releaseLock-1
local lock = unpack(KEYS)
local token = unpack(ARGV)

if redis.call("GET", lock) ~= token then
  return 0
end
return redis.call("DEL", lock)
