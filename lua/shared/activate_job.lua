-- Starts a job that is in `active`: locks it, counts the start, tells so in the events.
--
-- returns its hash as a flat array, and whether it carries a deferred failure
-- include number_or
local function activate_job(queue, id, now, token, lock_duration, name)
  local key = queue.prefix .. id
  -- pcall: a key that is no hash is handed out empty, for its worker to fail, rather than stay unlocked.
  local fields = redis.pcall("HGETALL", key)
  if fields.err then
    fields = {}
  end
  local n = #fields
  local starts, deferred = "1", false
  local at_processed, at_starts, at_name
  for i = 1, n, 2 do
    local field = fields[i]
    if field == "ats" then
      at_starts = i
      starts = string.format("%.0f", math.floor(number_or(fields[i + 1], 0)) + 1)
    elseif field == "processedOn" then
      at_processed = i
    elseif field == "pb" then
      at_name = i
    elseif field == "defa" then
      deferred = true
    end
  end
  if not at_processed then
    at_processed = n + 1
    n = n + 2
  end
  if not at_starts then
    at_starts = n + 1
    n = n + 2
  end
  fields[at_processed], fields[at_processed + 1] = "processedOn", now
  fields[at_starts], fields[at_starts + 1] = "ats", starts
  if token ~= "0" then
    redis.call("SET", key .. ":lock", token, "PX", lock_duration)
  end
  redis.call("XADD", queue.events, "*", "event", "active", "jobId", id, "prev", "waiting")
  if name then
    at_name = at_name or n + 1
    fields[at_name], fields[at_name + 1] = "pb", name
    redis.pcall("HSET", key, "processedOn", now, "pb", name, "ats", starts)
  else
    redis.pcall("HSET", key, "processedOn", now, "ats", starts)
  end
  return fields, deferred
end
