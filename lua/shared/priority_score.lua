-- Computes the score that puts a job behind all others of its priority (WIRE §1.3).
--
-- returns the score
local function priority_score(queue, priority)
  return priority * 4294967296 + redis.call("INCR", queue.pc) % 4294967296
end
