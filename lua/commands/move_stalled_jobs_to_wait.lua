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

-- At most so many in one call: each costs some 5 us.
local MOST_RECOVERED, MOST_LOOKED_AT = 500, 5000
local suspects = redis.call("SMEMBERS", stalled)
local lost, looked_at = {}, 0
while looked_at < #suspects and looked_at < MOST_LOOKED_AT and #lost < MOST_RECOVERED do
  looked_at = looked_at + 1
  if redis.call("EXISTS", prefix .. suspects[looked_at] .. ":lock") == 0 then
    lost[#lost + 1] = suspects[looked_at]
  end
end
local there = {}
if #lost > 24 and redis.call("LLEN", active) <= 20000 then
  -- include remove_from_list
  for i = 1, #lost do
    there[lost[i]] = true
  end
  remove_from_list(active, there)
end
for i = 1, #lost do
  local id = lost[i]
  if there[id] == false or there[id] == nil and redis.call("LREM", active, "1", id) == 1 then
    recover_stalled_job(queue, id, number_or(max_stalled, 1))
    found[#found + 1] = id
  end
end

if looked_at < #suspects then
  -- The next check, whoever makes it, goes on where this one has ended, and need not wait for its time.
  for from = 1, looked_at, 1000 do
    redis.call("SREM", stalled, unpack(suspects, from, math.min(from + 999, looked_at)))
  end
  redis.call("DEL", stalled_check)
  return found
elseif #suspects > 0 then
  redis.call("DEL", stalled)
end
for first = 0, redis.call("LLEN", active) - 1, 7000 do
  redis.call("SADD", stalled, unpack(redis.call("LRANGE", active, first, first + 6999)))
end
return found
