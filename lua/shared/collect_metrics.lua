-- Counts finished jobs into the metrics: the whole count, and the counts of past minutes, newest first,
-- at most max_points of them (WIRE §4.1).
--
-- returns nothing
-- include number_or
local function collect_metrics(metrics, finished, now, max_points)
  local count = redis.pcall("HINCRBY", metrics, "count", finished)
  -- A count that is no integer: the jobs have finished all the same.
  if type(count) ~= "number" then
    return
  end
  local before = count - finished
  local previous = redis.call("HMGET", metrics, "prevTS", "prevCount")
  local previous_time = number_or(previous[1], nil)
  if not previous_time then
    redis.call("HSET", metrics, "prevTS", now, "prevCount", "0")
    return
  end
  local minutes = math.min(math.floor(now / 60000) - math.floor(previous_time / 60000), max_points)
  if minutes <= 0 then
    return
  end
  local points = { before - number_or(previous[2], 0) }
  for i = 2, minutes do
    points[i] = "0"
  end
  local data = metrics .. ":data"
  for i = 1, #points, 5000 do
    redis.call("LPUSH", data, unpack(points, i, math.min(i + 4999, #points)))
  end
  redis.call("LTRIM", data, "0", max_points - 1)
  redis.call("HSET", metrics, "prevCount", before, "prevTS", now)
end
