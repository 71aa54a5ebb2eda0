-- Makes a finished child that is to run again a pending dependency of its parent once more.
--
-- A parent that has left `waiting-children` is not called back.
--
-- returns nothing
local function restore_dependency(key, state)
  local parent = redis.call("HGET", key, "parentKey")
  if not parent or redis.call("EXISTS", parent) == 0 then
    return
  end
  local was_child
  if state == "failed" then
    was_child = redis.call("ZREM", parent .. ":unsuccessful", key) == 1
      or redis.call("HDEL", parent .. ":failed", key) == 1
  else
    was_child = redis.call("HDEL", parent .. ":processed", key) == 1
  end
  if was_child then
    redis.call("SADD", parent .. ":dependencies", key)
  end
end
