-- Makes a parent that has just left `waiting-children` (or `delayed`) ready to run, or delays it by
-- its own delay.
--
-- returns nothing
-- include number_or enqueue add_delay_marker
local function parent_to_wait(parent_queue, id, now)
  -- pcall: a key that is no hash must not strand the parent, which is in no set any more.
  local found = redis.pcall("HMGET", parent_queue.prefix .. id, "priority", "delay")
  local delay = number_or(found[2], 0)
  if delay > 0 then
    local due = now + delay
    redis.call("ZADD", parent_queue.delayed, due * 4096, id)
    redis.call("XADD", parent_queue.events, "*", "event", "delayed", "jobId", id, "delay", due)
    add_delay_marker(parent_queue)
  else
    enqueue(parent_queue, id, number_or(found[1], 0), "RPUSH")
    redis.call("XADD", parent_queue.events, "*",
      "event", "waiting", "jobId", id, "prev", "waiting-children")
  end
end
