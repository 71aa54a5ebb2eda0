-- Tells the parent that a child has failed for good, as the child's policy says: fail it lazily
-- (fpof), go on at once (cpof), or no longer wait for the child (idof, rdof). Without a policy the
-- child stays a pending dependency.
--
-- returns nothing
-- include parent_to_wait release_parent_if_idle
local function fail_child(parent_queue, parent, child_key, reason, now)
  local policy = parent.on_failure
  if not policy or redis.call("SREM", parent.key .. ":dependencies", child_key) == 0 then
    return
  end
  local waiting_children = parent.prefix .. "waiting-children"
  if policy == "fpof" then
    redis.call("ZADD", parent.key .. ":unsuccessful", now, child_key)
    if redis.call("EXISTS", parent.key) == 0 then
      return
    end
    -- pcall: a key that is no hash must not keep the child from failing.
    local failure = "child " .. child_key .. " failed"
    if redis.call("ZREM", waiting_children, parent.id) == 1 then
      redis.pcall("HSET", parent.key, "defa", failure)
      parent_to_wait(parent_queue, parent.id, now)
    elseif redis.call("ZREM", parent.prefix .. "delayed", parent.id) == 1 then
      parent_queue.last_due = nil
      redis.pcall("HSET", parent.key, "delay", "0", "defa", failure)
      parent_to_wait(parent_queue, parent.id, now)
    elseif not redis.call("ZSCORE", parent.prefix .. "failed", parent.id) then
      redis.pcall("HSET", parent.key, "defa", failure)
    end
  elseif policy == "cpof" then
    redis.call("HSET", parent.key .. ":failed", child_key, reason)
    if redis.call("EXISTS", parent.key) == 1
      and redis.call("ZREM", waiting_children, parent.id) == 1
    then
      parent_to_wait(parent_queue, parent.id, now)
    end
  else
    release_parent_if_idle(parent_queue, parent, now)
    if policy == "idof" then
      redis.call("HSET", parent.key .. ":failed", child_key, reason)
    end
  end
end
