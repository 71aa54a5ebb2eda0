-- Puts a job taken from `active` into `delayed`, for its value in ms from now. The delay marker is left to
-- the caller (`unmarked`).
--
-- returns nothing
-- include number_or add_delayed
local function delay_job(queue, outcome, now)
  local fields = outcome.fields or {}
  local n = #fields
  if not outcome.rule.skip_attempt then
    fields[n + 1], fields[n + 2] = "atm", outcome.attempts_made + 1
    n = n + 2
  end
  fields[n + 1], fields[n + 2] = "delay", outcome.value
  redis.call("HSET", outcome.key, unpack(fields))
  add_delayed(queue, outcome.id, now, number_or(outcome.value, 0))
  queue.unmarked = true
end
