-- Puts back a wake-up that a worker has popped and cannot follow, if there is anything to wake for.
--
-- args    none
-- reply   1 when it was put back, else 0
-- errors  none
-- bullmq  none; leaves the marker that stock's adding of a job leaves
local wait, prioritized, marker = unpack(KEYS)

if redis.call("EXISTS", wait, prioritized) == 0 then
  return 0
end
redis.call("ZADD", marker, "0", "0")
return 1
