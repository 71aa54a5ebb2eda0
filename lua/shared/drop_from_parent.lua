-- Takes a job that goes away out of its parent's dependencies, and lets the parent go on when it was
-- the last one; a hard removal of the last child takes a parent of the same queue along.
--
-- parent_key may be nil: then it is read from the job.
--
-- returns true when the job was a pending dependency
local function drop_from_parent(queue, key, hard, parent_key)
  if not parent_key then
    -- pcall: a key that is no hash has no parent.
    parent_key = redis.pcall("HGET", key, "parentKey")
    -- A parent without its hash must not come back as an id that nothing stands behind.
    if type(parent_key) ~= "string" or redis.call("EXISTS", parent_key) == 0 then
      return false
    end
  end
  if redis.call("SREM", parent_key .. ":dependencies", key) == 0 then
    return false
  end
  if redis.call("SCARD", parent_key .. ":dependencies") > 0 then
    return true
  end
  -- include split_job_key
  local queue_key, id = split_job_key(parent_key)
  if not id or redis.call("ZREM", queue_key .. ":waiting-children", id) == 0 then
    return true
  end
  if hard and queue_key .. ":" == queue.prefix then
    -- include delete_job_keys release_deduplication
    local deduplication_id = redis.call("HGET", parent_key, "deid")
    drop_from_parent(queue, parent_key, hard)
    delete_job_keys(parent_key)
    release_deduplication(queue, id, deduplication_id)
    return true
  end
  -- include queue_at push_target add_base_marker
  local parent_queue = queue_at(queue_key .. ":")
  redis.call("RPUSH", push_target(parent_queue), id)
  add_base_marker(parent_queue)
  if not hard then
    redis.call("XADD", parent_queue.events, "*",
      "event", "waiting", "jobId", id, "prev", "waiting-children")
  end
  return true
end
