-- Makes a delayed job due delay ms from now.
--
-- args    delay ms, now, id, job key
-- reply   0
-- errors  -1 no job, -3 not delayed
-- bullmq  changeDelay-4
-- include add_delayed add_delay_marker number_or
local delayed, meta, marker, events = unpack(KEYS)
local delay, now, id, key = unpack(ARGV)

local ms = number_or(delay, nil)
if not ms then
  return redis.error_reply("ERR delay must be a number of ms, not '" .. delay .. "'")
end
if redis.call("EXISTS", key) == 0 then
  return -1
end
if not redis.call("ZSCORE", delayed, id) then
  return -3
end

local queue = { delayed = delayed, meta = meta, marker = marker, events = events }
redis.call("HSET", key, "delay", delay)
add_delayed(queue, id, tonumber(now), ms)
add_delay_marker(queue)
return 0
