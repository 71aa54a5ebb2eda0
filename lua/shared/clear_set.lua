-- Removes the jobs whose ids come first in a sorted set, at most count of them (nil: all), but not the
-- spared ones (a table by id).
--
-- returns how many ids have been looked at
-- include in_batches remove_job
local function clear_set(queue, set, count, spared)
  local ids = redis.call("ZRANGE", set, 0, (count or 0) - 1)
  local removed = {}
  for _, id in ipairs(ids) do
    if not (spared and spared[id]) then
      remove_job(queue, id, true)
      removed[#removed + 1] = id
    end
  end
  in_batches("ZREM", set, removed)
  return #ids
end
