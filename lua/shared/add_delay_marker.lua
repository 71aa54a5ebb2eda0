-- Tells blocked workers when the earliest delayed job is due.
--
-- returns nothing
local function add_delay_marker(queue)
  local first = redis.call("ZRANGE", queue.delayed, "0", "0", "WITHSCORES")
  if first[2] then
    redis.call("ZADD", queue.marker, tonumber(first[2]) / 4096, "1")
  end
end
