-- Tells in the events that the queue has run empty, if it has.
--
-- returns nothing
-- include settings_of
local function add_drained_event(queue)
  local left
  if settings_of(queue).paused then
    -- A paused queue of a 5.x app keeps its ids there.
    left = redis.call("EXISTS", queue.wait, queue.active, queue.prioritized, queue.paused)
  else
    left = redis.call("EXISTS", queue.wait, queue.active, queue.prioritized)
  end
  if left == 0 then
    redis.call("XADD", queue.events, "*", "event", "drained")
  end
end
