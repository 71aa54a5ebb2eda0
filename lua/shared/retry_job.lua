-- Makes a job taken from `active` ready for its next attempt, pushed as its value says (LPUSH, RPUSH).
--
-- returns nothing
-- include enqueue add_waiting_event
local function retry_job(queue, outcome)
  local fields = outcome.fields or {}
  fields[#fields + 1] = "atm"
  fields[#fields + 1] = outcome.attempts_made + 1
  redis.call("HSET", outcome.key, unpack(fields))
  enqueue(queue, outcome.id, outcome.priority, outcome.value == "RPUSH" and "RPUSH" or "LPUSH")
  add_waiting_event(queue, outcome.id)
end
