-- Removes the jobs whose ids come first in a list, at most count of them (nil: all), but not the
-- spared ones, which keep their order.
--
-- spared: ids as keys, nil for none. spared_count: how many they are.
--
-- returns how many were removed
-- include in_batches remove_job
local function clear_list(queue, list, count, spared, spared_count)
  -- So wide that it holds as many others as are asked for, wherever the spared ones stand.
  local last = count and count + (spared_count or 0) - 1 or -1
  local ids = redis.call("LRANGE", list, 0, last)
  local kept, removed = {}, 0
  for _, id in ipairs(ids) do
    if removed == count or spared and spared[id] then
      kept[#kept + 1] = id
    else
      remove_job(queue, id, true)
      removed = removed + 1
    end
  end
  if removed > 0 then
    redis.call("LTRIM", list, #ids, -1)
    for index = 1, math.floor(#kept / 2) do
      kept[index], kept[#kept + 1 - index] = kept[#kept + 1 - index], kept[index]
    end
    in_batches("LPUSH", list, kept)
  end
  return removed
end
