-- Removes the jobs whose ids come first in a sorted set, at most count of them (nil: all), but not the
-- spared ones.
--
-- spared: ids as keys, nil for none. spared_count: how many they are.
--
-- returns how many were removed
-- include in_batches remove_job
local function clear_set(queue, set, count, spared, spared_count)
  -- So wide that it holds as many others as are asked for, wherever the spared ones stand.
  local last = count and count + (spared_count or 0) - 1 or -1
  local removed = {}
  for _, id in ipairs(redis.call("ZRANGE", set, 0, last)) do
    if #removed == count then
      break
    elseif not (spared and spared[id]) then
      remove_job(queue, id, true)
      removed[#removed + 1] = id
    end
  end
  in_batches("ZREM", set, removed)
  return #removed
end
