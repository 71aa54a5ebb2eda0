-- Removes a paused queue with all its jobs, at most count of them in one call.
--
-- args    count, "" to refuse while jobs are active, "1" to be told how many (bullrs)
-- reply   1 call again, 0 the queue is gone; when told how many [that, jobs removed]
-- errors  -1 not paused, -2 has active jobs (codes of this command alone)
-- bullmq  obliterate-2
-- include clear_list clear_set in_batches number_or queue_at
local meta, prefix = unpack(KEYS)
local count, force, tell = unpack(ARGV)

if redis.call("HEXISTS", meta, "paused") == 0 then
  return -1
end
local queue = queue_at(prefix)
if force == "" and redis.call("LLEN", queue.active) > 0 then
  return -2
end

local left = math.floor(number_or(count, 0))
if left < 1 then
  -- Callers repeat until nothing is left, which nothing at a time would never bring about.
  left = 1000
end
for _, id in ipairs(redis.call("LRANGE", queue.active, 0, left - 1)) do
  redis.call("DEL", prefix .. id .. ":lock")
end

local function clear_schedulers(_, schedulers, most)
  local ids = redis.call("ZRANGE", schedulers, 0, most - 1)
  for _, id in ipairs(ids) do
    redis.call("DEL", schedulers .. ":" .. id)
  end
  in_batches("ZREM", schedulers, ids)
  return #ids
end

local steps = {
  { clear_list, "active" }, { clear_set, "delayed" }, { clear_schedulers, "repeat" },
  { clear_set, "completed" }, { clear_list, "wait" }, { clear_list, "paused" },
  { clear_set, "prioritized" }, { clear_set, "failed" },
}
local jobs = 0
local function reply(again)
  return tell == "1" and { again, jobs } or again
end
for _, step in ipairs(steps) do
  local clear, name = unpack(step)
  local cleared = clear(queue, prefix .. name, left)
  left = left - cleared
  jobs = jobs + (name == "repeat" and 0 or cleared)
  if left <= 0 then
    return reply(1)
  end
end

redis.call("DEL", queue.events, prefix .. "delay", prefix .. "stalled-check", prefix .. "stalled",
  prefix .. "id", queue.pc, queue.marker, queue.meta,
  prefix .. "metrics:completed", prefix .. "metrics:completed:data",
  prefix .. "metrics:failed", prefix .. "metrics:failed:data")
return reply(0)
