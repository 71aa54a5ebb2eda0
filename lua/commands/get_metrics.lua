-- Reads the totals and a slice of the per-minute counts of finished jobs.
--
-- args    first index, last index
-- reply   [[count, prevTS, prevCount], counts of the slice, number of counts kept]
-- errors  none
-- bullmq  getMetrics-2
local totals, minutes = unpack(KEYS)
local first, last = unpack(ARGV)

return {
  redis.call("HMGET", totals, "count", "prevTS", "prevCount"),
  redis.call("LRANGE", minutes, first, last),
  redis.call("LLEN", minutes),
}
