-- Puts the finished jobs noted under one kind and one keepJobs rule into their sorted set, and lets go
-- of older ones as that rule says.
--
-- returns nothing
-- include evict_by_age evict_by_count
local function flush_finished(queue, kind, now)
  local group = queue.finished[kind]
  if not group then
    return
  end
  queue.finished[kind] = nil
  local keep, target, jobs = group.keep, queue[kind], #group / 2
  local cut = keep.age and now - keep.age * 1000
  -- Age and count together are not the same for all at once as for one after the other, once more jobs
  -- are too old than one pass may remove.
  if cut and keep.count and jobs > 1 and redis.call("ZCOUNT", target, "-inf", cut) >= keep.limit then
    for i = 1, #group, 2 do
      redis.call("ZADD", target, now, group[i + 1])
      evict_by_age(queue, target, cut, keep.limit, 1)
      evict_by_count(queue, target, keep.count)
    end
    return
  end
  redis.call("ZADD", target, unpack(group))
  if cut then
    evict_by_age(queue, target, cut, keep.limit, jobs)
  end
  if keep.count then
    evict_by_count(queue, target, keep.count)
  end
end
