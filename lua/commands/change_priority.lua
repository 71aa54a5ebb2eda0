-- Gives a job another priority and, where it waits, the place that goes with it.
--
-- args    priority, key prefix of the queue, id, "1" for first in its class
-- reply   0
-- errors  -1 no job
-- bullmq  changePriority-7
-- include enqueue number_or
local wait, paused, meta, prioritized, active, pc, marker = unpack(KEYS)
local new_priority, prefix, id, lifo = unpack(ARGV)

local priority = number_or(new_priority, nil)
if not priority then
  return redis.error_reply("ERR priority must be a number, not '" .. new_priority .. "'")
end
local key = prefix .. id
if redis.call("EXISTS", key) == 0 then
  return -1
end

local waits = redis.call("ZREM", prioritized, id) == 1
  or redis.call("LREM", wait, -1, id) == 1
  or redis.call("LREM", paused, -1, id) == 1
if waits then
  if lifo == "1" and priority ~= 0 then
    redis.call("ZADD", prioritized, priority * 4294967296, id)
  else
    local queue = {
      wait = wait, paused = paused, meta = meta, prioritized = prioritized, active = active,
      pc = pc, marker = marker,
    }
    enqueue(queue, id, priority, lifo == "1" and "RPUSH" or "LPUSH")
  end
end
redis.call("HSET", key, "priority", priority)
return 0
