-- Starts a job that is in `active`: locks it, counts the start, tells so in the events.
--
-- returns its hash as it was before, flat; how many starts that makes; whether it carries a deferred
-- failure
-- include number_or
local function activate_job(queue, id, now, token, lock_duration, name)
  local key = queue.prefix .. id
  -- pcall: a key that is no hash is handed out empty, for its worker to fail, rather than stay unlocked.
  local fields = redis.pcall("HGETALL", key)
  if fields.err then
    fields = {}
  end
  local starts, deferred = "1", false
  for i = 1, #fields, 2 do
    local field = fields[i]
    if field == "ats" then
      starts = string.format("%.0f", math.floor(number_or(fields[i + 1], 0)) + 1)
    elseif field == "defa" then
      deferred = true
    end
  end
  if token ~= "0" then
    redis.call("PSETEX", key .. ":lock", lock_duration, token)
  end
  redis.call("XADD", queue.events, "*", "event", "active", "jobId", id, "prev", "waiting")
  if name then
    redis.pcall("HSET", key, "processedOn", now, "pb", name, "ats", starts)
  else
    redis.pcall("HSET", key, "processedOn", now, "ats", starts)
  end
  return fields, starts, deferred
end
