-- Makes a delayed job ready to run before its time.
--
-- args    key prefix of the queue, id
-- reply   0
-- errors  -3 not delayed
-- bullmq  promote-9
-- include enqueue number_or
local delayed, wait, paused, meta, prioritized, active, pc, events, marker = unpack(KEYS)
local prefix, id = unpack(ARGV)

if redis.call("ZREM", delayed, id) == 0 then
  return -3
end
-- Before v5 a marker at this end stood for the delayed jobs; the id pushed now replaces it.
local newest = redis.call("LINDEX", wait, 0)
if newest and string.sub(newest, 1, 2) == "0:" then
  redis.call("LPOP", wait)
end

local queue = {
  wait = wait, paused = paused, meta = meta, prioritized = prioritized, active = active,
  pc = pc, marker = marker,
}
local key = prefix .. id
enqueue(queue, id, number_or(redis.call("HGET", key, "priority"), 0), "LPUSH")
redis.call("XADD", events, "*", "event", "waiting", "jobId", id, "prev", "delayed")
redis.call("HSET", key, "delay", 0)
return 0
