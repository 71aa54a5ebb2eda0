-- Tells in the events that a job is back from `active` in `wait`.
--
-- returns nothing
-- include max_events
local function add_waiting_event(queue, id)
  redis.call("XADD", queue.events, "MAXLEN", "~", max_events(queue), "*",
    "event", "waiting", "jobId", id, "prev", "active")
end
