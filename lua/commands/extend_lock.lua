-- Keeps the lock of a job for another while, and the stalled check away from it.
--
-- args    token, lock duration (ms), id
-- reply   1 kept, 0 when there is no lock or another token holds it
-- errors  none
-- bullmq  extendLock-2
local lock, stalled = unpack(KEYS)
local token, duration, id = unpack(ARGV)

if redis.call("GET", lock) ~= token then
  return 0
end
redis.call("SET", lock, token, "PX", duration)
redis.call("SREM", stalled, id)
return 1
