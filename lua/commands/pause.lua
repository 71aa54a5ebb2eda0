-- Stops the queue from handing out jobs, or lets it go on.
--
-- Keys come as wait, paused for a pause and as paused, wait for a resume.
--
-- args    paused|resumed, emit 1|0
-- reply   how many ids are still in `paused`: call again, without emit, until 0
-- errors  none
-- bullmq  pause-7
-- include push_target merge_ready add_delay_marker
local source, target, meta, prioritized, events, delayed, marker = unpack(KEYS)
local event, emit = unpack(ARGV)

local pausing = event == "paused"
local queue = {
  wait = pausing and source or target, paused = pausing and target or source, meta = meta,
  delayed = delayed, marker = marker,
}
local left = 0
if pausing then
  redis.call("HSET", meta, "paused", "1")
  redis.call("DEL", marker)
  -- A 5.x app will rename `paused` over whatever is in `wait` (WIRE §1.6): nothing may stay there.
  if push_target(queue) == queue.paused then
    merge_ready(queue, queue.paused, math.huge)
  end
else
  -- For the same reason all ids of a 5.x app move at once; otherwise in steps, as stock does.
  local most = push_target(queue) == queue.paused and math.huge or 7000
  redis.call("HDEL", meta, "paused")
  left = merge_ready(queue, queue.wait, most)
  if redis.call("EXISTS", queue.wait, prioritized) > 0 then
    redis.call("ZADD", marker, "0", "0")
  else
    add_delay_marker(queue)
  end
end
if emit == "1" then
  redis.call("XADD", events, "*", "event", event)
end
return left
