-- Tells the parent of a job that is finishing, and the job that waits for its deduplication window.
--
-- returns nothing
-- include flush_evictions parent_of queue_at release_parent_if_idle
local function tell_relatives(queue, outcome, goes, now)
  local id, key, parent_key = outcome.id, outcome.key, outcome.parent_key
  flush_evictions(queue, now)
  if outcome.deduplication_id then
    -- include finish_deduplication
    finish_deduplication(queue, id, outcome.deduplication_id, now)
  end
  if not parent_key then
    return
  end
  -- Siblings mostly finish together: whom they have as parent is read once.
  local described, parents = redis.call("HGET", key, "parent") or "", queue.parents or {}
  local known = parents[parent_key]
  if not known or known.described ~= described then
    known = { described = described, parent = parent_of(parent_key, described), queue = queue }
    if known.parent and known.parent.prefix ~= queue.prefix then
      known.queue = queue_at(known.parent.prefix)
    end
    parents[parent_key] = known
    queue.parents = parents
  end
  local parent, parent_queue = known.parent, known.queue
  if parent then
    if outcome.kind ~= "completed" then
      -- include fail_child
      fail_child(parent_queue, parent, key, outcome.value, now)
    elseif redis.call("SREM", parent.key .. ":dependencies", key) == 1 then
      redis.call("HSET", parent.key .. ":processed", key, outcome.value)
      release_parent_if_idle(parent_queue, parent, now)
    end
  end
  if goes then
    -- include drop_from_parent
    drop_from_parent(queue, key, false, parent_key)
  end
end
