-- Wakes one blocked worker, unless the queue hands out no jobs now.
--
-- returns nothing
-- include paused_or_maxed
local function add_base_marker(queue)
  if not queue.marked and not paused_or_maxed(queue) then
    queue.marked = true
    redis.call("ZADD", queue.marker, "0", "0")
  end
end
