-- Removes the jobs of one state that are no newer than a time, but none that a worker holds and no
-- armed iteration of a scheduler.
--
-- args    key prefix of the queue, newest time to remove, most ids to look at (0 = all), state
--         how many ids to pass over first (bullrs)
-- reply   the ids removed; with a number to pass over [how many were looked at, the ids removed]
-- errors  none
-- bullmq  cleanJobsInSet-3
-- include in_batches is_armed number_or queue_at remove_job
local source, events, schedulers = unpack(KEYS)
local prefix, newest, limit, state, passed = unpack(ARGV)

newest = number_or(newest, nil)
if not newest then
  return redis.error_reply("ERR the newest time to clean must be a number of ms")
end
limit = number_or(limit, 0)
local skip = math.floor(number_or(passed, 0))
local ages = {
  wait = { "finishedOn", "processedOn", "timestamp" },
  paused = { "finishedOn", "processedOn", "timestamp" },
  active = { "finishedOn", "processedOn", "timestamp" },
  delayed = { "processedOn", "timestamp" },
  prioritized = { "timestamp" },
}
-- The score of every other state is a time, so what is read there is old enough.
local fields = ages[state]
local is_list = state == "wait" or state == "paused" or state == "active"
local queue = queue_at(prefix)

local function is_old_enough(id)
  for _, time in ipairs(redis.call("HMGET", prefix .. id, unpack(fields))) do
    if time then
      return number_or(time, math.huge) <= newest
    end
  end
  return true
end

local function may_go(id)
  if not fields then
    return true
  end
  if state == "active" and redis.call("EXISTS", prefix .. id .. ":lock") == 1 then
    return false
  end
  return not is_armed(queue, id) and is_old_enough(id)
end

local ids
if is_list then
  -- The oldest ids are at the right end.
  ids = redis.call("LRANGE", source, limit > 0 and -limit - skip or 0, -1 - skip)
else
  local highest = fields and "+inf" or newest
  ids = redis.call("ZRANGEBYSCORE", source, 0, highest, "LIMIT", skip, limit > 0 and limit or -1)
end

local removed, kept = {}, {}
for index, id in ipairs(ids) do
  if may_go(id) then
    remove_job(queue, id, true)
    removed[#removed + 1] = id
    if skip > 0 and is_list then
      -- No id begins like this (WIRE 1.2), so the places can be found again.
      redis.call("LSET", source, index - 1 - #ids - skip, "0:removed")
    end
  else
    kept[#kept + 1] = id
  end
end

if not is_list then
  in_batches("ZREM", source, removed)
elseif skip > 0 then
  redis.call("LREM", source, 0, "0:removed")
elseif #removed > 0 then
  redis.call("LTRIM", source, 0, -#ids - 1)
  in_batches("RPUSH", source, kept)
end
redis.call("XADD", events, "*", "event", "cleaned", "count", #removed)
return passed and { #ids, removed } or removed
