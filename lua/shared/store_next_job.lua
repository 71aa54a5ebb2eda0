-- Keeps a job as the one to run after the active owner of its deduplication window (keepLastIfActive),
-- instead of one kept before.
--
-- returns true when it was kept
-- include add_deduplicated_event
local function store_next_job(queue, job, rule, window, owner)
  if not rule.keepLastIfActive or not redis.call("LPOS", queue.active, owner) then
    return false
  end
  local kept = queue.prefix .. "dn:" .. rule.id
  local fields = { "name", job.name, "data", job.data, "opts", job.opts, "jid", job.id }
  local function add(field, value)
    if value then
      fields[#fields + 1] = field
      fields[#fields + 1] = value
    end
  end
  add("pk", job.parent_key)
  add("pd", job.parent)
  add("pdk", job.parent_dependencies)
  add("rjk", job.repeat_key)
  redis.call("DEL", kept)
  redis.call("HSET", kept, unpack(fields))
  -- The window has to last until the owner has finished.
  redis.call("PERSIST", window)
  add_deduplicated_event(queue, owner, rule.id, job.id)
  return true
end
