-- Writes the hash of a new job and tells so in the events.
--
-- job: id, key, name, data, opts (JSON text), timestamp, delay, priority, and where it has them
-- parent_key and parent (JSON text), repeat_key, deduplication_id.
--
-- returns nothing
local function store_job(queue, job)
  local fields = {
    "name", job.name, "data", job.data, "opts", job.opts, "timestamp", job.timestamp,
    "delay", job.delay, "priority", job.priority,
  }
  local n = 12
  if job.parent_key then
    fields[n + 1], fields[n + 2], fields[n + 3], fields[n + 4] =
      "parentKey", job.parent_key, "parent", job.parent
    n = n + 4
  end
  if job.repeat_key then
    fields[n + 1], fields[n + 2] = "rjk", job.repeat_key
    n = n + 2
  end
  if job.deduplication_id then
    fields[n + 1], fields[n + 2] = "deid", job.deduplication_id
    n = n + 2
  end
  redis.call("HSET", job.key, unpack(fields, 1, n))
  redis.call("XADD", queue.events, "*", "event", "added", "jobId", job.id, "name", job.name)
end
