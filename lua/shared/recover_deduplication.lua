-- Takes over a deduplication window without end whose owner is gone: nothing would ever free it.
--
-- returns true when the window is the new job's now
-- include own_deduplication
local function recover_deduplication(queue, job, rule, window, owner)
  if redis.call("EXISTS", queue.prefix .. owner) == 1 or redis.call("PTTL", window) ~= -1 then
    return false
  end
  redis.call("DEL", window, queue.prefix .. "dn:" .. rule.id)
  own_deduplication(window, job.id, rule)
  return true
end
