-- Puts a job into `delayed`, due delay ms after timestamp, and tells so in the events.
--
-- returns nothing
-- include delayed_score max_events
local function add_delayed(queue, id, timestamp, delay)
  local due = delay > 0 and timestamp + delay or timestamp
  local score
  -- Jobs that fail together are mostly due together: what was the last score then need not be looked up.
  if queue.last_due == due and queue.last_score % 4096 < 4094 then
    score = queue.last_score + 1
  else
    score = delayed_score(queue.delayed, due)
  end
  queue.last_due, queue.last_score = due, score
  redis.call("ZADD", queue.delayed, score, id)
  redis.call("XADD", queue.events, "MAXLEN", "~", max_events(queue), "*",
    "event", "delayed", "jobId", id, "delay", due)
  -- It may be due already, so a promotion done earlier in this run no longer counts.
  queue.promoted = nil
end
