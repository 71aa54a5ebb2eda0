-- Takes an id out of whatever state it is in.
--
-- returns the name of that state, or "unknown"
local function remove_from_any_state(queue, id)
  for _, state in ipairs({ "completed", "waiting-children", "delayed", "failed", "prioritized" }) do
    if redis.call("ZREM", queue.prefix .. state, id) == 1 then
      return state
    end
  end
  for _, state in ipairs({ "wait", "paused", "active" }) do
    if redis.call("LREM", queue.prefix .. state, "1", id) == 1 then
      return state
    end
  end
  return "unknown"
end
