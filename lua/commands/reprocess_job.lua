-- Makes a finished job ready to run again, as a pending child of its parent where it has one.
--
-- args    id, LPUSH or RPUSH, field of its outcome, completed or failed, "1" to reset atm, "1" to reset ats
-- reply   1
-- errors  -1 no job, -3 not in that state
-- bullmq  reprocessJob-9
-- include enqueue max_events number_or restore_dependency
local key, events, finished, wait, meta, active, marker, prioritized, pc = unpack(KEYS)
local id, push, outcome, state, reset_made, reset_started = unpack(ARGV)

if redis.call("EXISTS", key) == 0 then
  return -1
end
if redis.call("ZREM", finished, id) == 0 then
  return -3
end

local fields = { "finishedOn", "processedOn", outcome }
if reset_made == "1" then
  fields[#fields + 1] = "atm"
end
if reset_started == "1" then
  fields[#fields + 1] = "ats"
end
redis.call("HDEL", key, unpack(fields))

local queue = {
  wait = wait, paused = string.sub(key, 1, #key - #id) .. "paused", meta = meta, active = active,
  prioritized = prioritized, pc = pc, marker = marker,
}
enqueue(queue, id, number_or(redis.call("HGET", key, "priority"), 0), push)
restore_dependency(key, state)
redis.call("XADD", events, "MAXLEN", "~", max_events(queue), "*",
  "event", "waiting", "jobId", id, "prev", state)
return 1
