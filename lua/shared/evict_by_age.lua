-- Removes finished jobs of score up to cut, newest first, at most limit of them for each of the jobs
-- that have just finished.
--
-- returns nothing
-- include drop_from_parent doom_job
local function evict_by_age(queue, target, cut, limit, jobs)
  -- A backlog goes in steps, so that one call does not keep Redis from its other clients for long.
  local most = math.min(limit * jobs, 2500)
  local ids = redis.call("ZREVRANGEBYSCORE", target, cut, "-inf", "LIMIT", "0", most)
  for i = 1, #ids do
    local key = queue.prefix .. ids[i]
    drop_from_parent(queue, key, false)
    doom_job(queue, key)
  end
  if #ids == 0 then
    return
  elseif #ids < most then
    redis.call("ZREMRANGEBYSCORE", target, "-inf", cut)
  else
    for i = 1, #ids, 5000 do
      redis.call("ZREM", target, unpack(ids, i, math.min(i + 4999, #ids)))
    end
  end
end
