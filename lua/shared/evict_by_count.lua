-- Removes finished jobs beyond the newest count of them, at most 2500 in one call.
--
-- returns nothing
-- include drop_from_parent doom_job
local function evict_by_count(queue, target, count)
  local excess = math.min(redis.call("ZCARD", target) - count, 2500)
  if excess <= 0 then
    return
  end
  local ids = redis.call("ZRANGE", target, "0", excess - 1)
  for i = #ids, 1, -1 do
    local key = queue.prefix .. ids[i]
    drop_from_parent(queue, key, false)
    doom_job(queue, key)
  end
  redis.call("ZREMRANGEBYRANK", target, "0", excess - 1)
end
