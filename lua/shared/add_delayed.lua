-- Puts a job into `delayed`, due delay ms after timestamp, and tells so in the events.
--
-- returns nothing
-- include delayed_score max_events
local function add_delayed(queue, id, timestamp, delay)
  local due = delay > 0 and timestamp + delay or timestamp
  redis.call("ZADD", queue.delayed, delayed_score(queue.delayed, due), id)
  redis.call("XADD", queue.events, "MAXLEN", "~", max_events(queue), "*",
    "event", "delayed", "jobId", id, "delay", due)
  -- It may be due already, so a promotion done earlier in this run no longer counts.
  queue.promoted = nil
end
