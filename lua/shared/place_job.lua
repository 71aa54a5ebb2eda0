-- Puts a job that has just been stored where its options say: into `delayed`, or ready to run.
--
-- returns nothing
-- include add_delayed add_delay_marker enqueue max_events
local function place_job(queue, id, now, delay, priority, lifo)
  if delay > 0 then
    add_delayed(queue, id, now, delay)
    add_delay_marker(queue)
  else
    enqueue(queue, id, priority, lifo and "RPUSH" or "LPUSH")
    redis.call("XADD", queue.events, "MAXLEN", "~", max_events(queue), "*",
      "event", "waiting", "jobId", id)
  end
end
