-- Puts the finished jobs noted under one kind and one keepJobs rule into their sorted set, and lets go
-- of older ones as that rule says.
--
-- returns nothing
local function flush_finished(queue, kind, now)
  local group = queue.finished[kind]
  if not group then
    return
  end
  queue.finished[kind] = nil
  local rule, target, jobs = group.rule, queue[kind], #group / 2
  if not rule.age and not rule.count then
    redis.call("ZADD", target, unpack(group))
    return
  end
  -- include evict_by_age evict_by_count
  local cut = rule.age and now - rule.age * 1000
  -- Age and count together are not the same for all at once as for one after the other, once more jobs
  -- are too old than one pass may remove.
  if cut and rule.count and jobs > 1 and redis.call("ZCOUNT", target, "-inf", cut) >= rule.limit then
    for i = 1, #group, 2 do
      redis.call("ZADD", target, now, group[i + 1])
      evict_by_age(queue, target, cut, rule.limit, 1)
      evict_by_count(queue, target, rule.count)
    end
    return
  end
  redis.call("ZADD", target, unpack(group))
  if cut then
    evict_by_age(queue, target, cut, rule.limit, jobs)
  end
  if rule.count then
    evict_by_count(queue, target, rule.count)
  end
end
