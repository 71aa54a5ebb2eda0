-- Tells whether a job is the next iteration of a living scheduler, which must not vanish.
--
-- returns true or false
local function is_armed(queue, id)
  local scheduler = redis.call("HGET", queue.prefix .. id, "rjk")
  local due = scheduler and redis.call("ZSCORE", queue.prefix .. "repeat", scheduler)
  return due and id == "repeat:" .. scheduler .. ":" .. due or false
end
