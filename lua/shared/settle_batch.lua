-- Settles any number of outcomes, of which several may name the same job.
--
-- returns the code of each (for a job handed back the ms of the rate limit instead of 0), or an empty
-- list where all are 0; and how many jobs were completed and failed
-- include settle_outcomes
local function settle_batch(queue, outcomes, now)
  local count, first, by_id = #outcomes, 1, nil
  if count > 1 then
    by_id = {}
  end
  for i = 1, count do
    local outcome = outcomes[i]
    -- What the first outcome of a job leaves is what the second is judged by. The other bound is that of
    -- Lua's stack: an outcome adds at most seven arguments to a command.
    if by_id then
      if by_id[outcome.id] or i - first == 1000 then
        queue.by_id = by_id
        settle_outcomes(queue, outcomes, first, i - 1, now)
        first, by_id = i, {}
      end
      by_id[outcome.id] = outcome
    end
  end
  if first <= count then
    queue.by_id = by_id
    settle_outcomes(queue, outcomes, first, count, now)
  end
  local codes, completions, failures, rate_ms = {}, 0, 0, nil
  local plain = true
  for i = 1, count do
    local outcome = outcomes[i]
    local code, kind = outcome.code, outcome.kind
    if code == 0 then
      if kind == "completed" then
        completions = completions + 1
      elseif kind == "failed" then
        failures = failures + 1
      elseif kind == "wait" then
        rate_ms = rate_ms or math.max(0, redis.call("PTTL", queue.limiter))
        code = rate_ms
      end
    end
    codes[i] = code
    plain = plain and code == 0
  end
  return plain and {} or codes, completions, failures
end
