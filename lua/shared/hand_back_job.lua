-- Makes a job taken from `active` the next one of its priority to run, without using an attempt.
--
-- returns nothing
-- include push_target add_base_marker add_waiting_event
local function hand_back_job(queue, outcome)
  if outcome.absent then
    return
  end
  if outcome.priority > 0 then
    redis.call("ZADD", queue.prioritized, outcome.priority * 4294967296, outcome.id)
  else
    redis.call("RPUSH", push_target(queue), outcome.id)
    add_base_marker(queue)
  end
  add_waiting_event(queue, outcome.id)
end
