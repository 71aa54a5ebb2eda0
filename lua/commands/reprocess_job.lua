-- Makes a finished job ready to run again, as a pending child of its parent where it has one.
--
-- args    id, LPUSH or RPUSH, field that holds its outcome, completed or failed, "1" to forget attempts made, "1" to forget attempts started
-- reply   1
-- errors  -1 no job, -3 not in that state
-- bullmq  reprocessJob-9
-- include enqueue max_events number_or queue_at restore_dependency
local key, events, finished = unpack(KEYS)
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

local queue = queue_at(string.sub(key, 1, #key - #id))
enqueue(queue, id, number_or(redis.call("HGET", key, "priority"), 0), push)
restore_dependency(key, state)
redis.call("XADD", events, "MAXLEN", "~", max_events(queue), "*",
  "event", "waiting", "jobId", id, "prev", state)
return 1
