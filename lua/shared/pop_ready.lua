-- Moves up to count ready ids to `active`: from `wait`, then by priority.
--
-- returns the ids in the order in which they are to run, and true when there may be more although they
-- are fewer than count
local function pop_ready(queue, count)
  local ids
  if count == 1 then
    ids = { redis.call("RPOPLPUSH", queue.wait, queue.active) or nil }
  else
    ids = redis.call("RPOP", queue.wait, count) or {}
    if #ids > 0 then
      redis.call("LPUSH", queue.active, unpack(ids))
    end
  end
  local popped = #ids
  for i = popped, 1, -1 do
    -- Markers that versions before 5 kept in the list: `0:0` and `0:<delay>`.
    if string.sub(ids[i], 1, 2) == "0:" then
      redis.call("LREM", queue.active, "1", ids[i])
      table.remove(ids, i)
    end
  end
  local taken = #ids
  if taken < popped then
    return ids, true
  end
  if taken < count then
    local best = redis.call("ZPOPMIN", queue.prioritized, count - taken)
    for i = 1, #best, 2 do
      ids[#ids + 1] = best[i]
    end
    if #best > 0 then
      redis.call("LPUSH", queue.active, unpack(ids, taken + 1))
    end
    if #ids < count then
      redis.call("DEL", queue.pc)
    end
  end
  return ids, false
end
