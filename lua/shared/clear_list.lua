-- Removes the jobs whose ids come first in a list, at most count of them (nil: all), but not the
-- spared ones (a table by id), which keep their order.
--
-- returns how many ids have been looked at
-- include in_batches remove_job
local function clear_list(queue, list, count, spared)
  local ids = redis.call("LRANGE", list, 0, (count or 0) - 1)
  local kept = {}
  for index = #ids, 1, -1 do
    if spared and spared[ids[index]] then
      kept[#kept + 1] = ids[index]
    end
  end
  for _, id in ipairs(ids) do
    if not (spared and spared[id]) then
      remove_job(queue, id, true)
    end
  end
  redis.call("LTRIM", list, #ids, -1)
  in_batches("LPUSH", list, kept)
  return #ids
end
