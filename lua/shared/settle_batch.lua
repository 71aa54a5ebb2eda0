-- Settles any number of outcomes, of which several may name the same job.
--
-- returns the code of each (for a job handed back the ms of the rate limit instead of 0), and how many
-- of each kind were not refused
-- include settle_outcomes
local function settle_batch(queue, outcomes, now)
  local first, by_id = 1, {}
  for i = 1, #outcomes do
    local id = outcomes[i].id
    -- What the first outcome of a job leaves is what the second is judged by. The other bound is that of
    -- Lua's stack: an outcome adds at most seven arguments to a command.
    if by_id[id] or i - first == 1000 then
      queue.by_id = by_id
      settle_outcomes(queue, outcomes, first, i - 1, now)
      first, by_id = i, {}
    end
    by_id[id] = outcomes[i]
  end
  if first <= #outcomes then
    queue.by_id = by_id
    settle_outcomes(queue, outcomes, first, #outcomes, now)
  end
  local codes, done, rate_ms = {}, { completed = 0, failed = 0, delayed = 0, retry = 0, wait = 0 }, nil
  for i = 1, #outcomes do
    local outcome = outcomes[i]
    local code = outcome.code
    if code == 0 then
      done[outcome.kind] = done[outcome.kind] + 1
      if outcome.kind == "wait" then
        rate_ms = rate_ms or math.max(0, redis.call("PTTL", queue.limiter))
        code = rate_ms
      end
    end
    codes[i] = code
  end
  return codes, done
end
