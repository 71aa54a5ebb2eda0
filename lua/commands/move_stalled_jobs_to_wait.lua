-- Makes active jobs that nobody has held a lock on since the last check ready to run again, once in an
-- interval; those that stalled too often carry a deferred failure then.
--
-- args    maxStalledCount, P, now (ms), stalledInterval (ms)
-- reply   the ids that had stalled
-- errors  none
-- bullmq  moveStalledJobsToWait-9
-- include number_or max_events recover_stalled_job
local stalled, wait, active, stalled_check, meta, paused, marker, events, repeat_key = unpack(KEYS)
local max_stalled, prefix, now, interval = unpack(ARGV)

local found = {}
if redis.call("EXISTS", stalled_check) == 1 then
  return found
end
redis.call("SET", stalled_check, now, "PX", interval)
local queue = {
  prefix = prefix, stalled = stalled, wait = wait, active = active, meta = meta, paused = paused,
  marker = marker, events = events, schedulers = repeat_key,
}
redis.call("XTRIM", events, "MAXLEN", "~", max_events(queue))

local suspects = redis.call("SMEMBERS", stalled)
if #suspects > 0 then
  redis.call("DEL", stalled)
end
for i = 1, #suspects do
  local id = suspects[i]
  if redis.call("EXISTS", prefix .. id .. ":lock") == 0
    and redis.call("LREM", active, "1", id) == 1
  then
    recover_stalled_job(queue, id, number_or(max_stalled, 1))
    found[#found + 1] = id
  end
end

for first = 0, redis.call("LLEN", active) - 1, 7000 do
  redis.call("SADD", stalled, unpack(redis.call("LRANGE", active, first, first + 6999)))
end
return found
