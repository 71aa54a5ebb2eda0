-- Lets a parent go on once none of its children is pending.
--
-- parent: key, id, prefix (parent_of).
--
-- returns nothing
local function release_parent_if_idle(parent_queue, parent, now)
  if redis.call("SCARD", parent.key .. ":dependencies") == 0
    and redis.call("EXISTS", parent.key) == 1
    and redis.call("ZREM", parent.prefix .. "waiting-children", parent.id) == 1
  then
    -- include parent_to_wait
    parent_to_wait(parent_queue, parent.id, now)
  end
end
