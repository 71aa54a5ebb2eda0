-- Brings the ids of `wait` and `paused` together in one of the two lists, at most `most` of them: those
-- of `paused` run first, and no id changes its place among its own.
--
-- returns how many ids are left in the other list
local function merge_ready(queue, target, most)
  local source = target == queue.wait and queue.paused or queue.wait
  local left = redis.call("LLEN", source)
  if left == 0 then
    return 0
  elseif redis.call("EXISTS", target) == 0 then
    redis.call("RENAME", source, target)
    return 0
  end
  local pop, push = "LPOP", "RPUSH"
  if target == queue.paused then
    pop, push = "RPOP", "LPUSH"
  end
  for _ = 1, math.ceil(math.min(left, most) / 7000) do
    redis.call(push, target, unpack(redis.call(pop, source, 7000)))
  end
  return redis.call("LLEN", source)
end
