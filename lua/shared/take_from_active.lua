-- Takes the jobs of outcomes first..last out of `active` and gives up their locks.
--
-- A job that is not there gets code -3 (its lock is gone all the same, as with stock); one to be handed
-- back only learns `absent`. The locks go with flush_doomed.
--
-- returns nothing
-- include set_fields
local function take_from_active(queue, outcomes, first, last)
  local doomed, ids, unlocked, by_id = queue.doomed, {}, {}, {}
  for i = first, last do
    local outcome = outcomes[i]
    if outcome.code == 0 then
      ids[#ids + 1] = outcome.id
      by_id[outcome.id] = true
      if outcome.token ~= "0" then
        unlocked[#unlocked + 1] = outcome.id
        doomed[#doomed + 1] = outcome.key .. ":lock"
      end
    end
  end
  if #unlocked > 0 then
    redis.call("SREM", queue.stalled, unpack(unlocked))
  end
  -- A worker mostly finishes what stands at the old end; one LTRIM then does the work of all LREMs.
  if #ids > 2 then
    local oldest = redis.call("LRANGE", queue.active, -#ids, "-1")
    for i = 1, #oldest do
      if by_id[oldest[i]] then
        by_id[oldest[i]] = nil
      end
    end
    if next(by_id) == nil then
      redis.call("LTRIM", queue.active, "0", -#ids - 1)
      return
    end
  end
  for i = first, last do
    local outcome = outcomes[i]
    if outcome.code == 0 and redis.call("LREM", queue.active, "-1", outcome.id) == 0 then
      if outcome.kind == "wait" then
        outcome.absent = true
      else
        outcome.code = -3
        set_fields(outcome.key, outcome.fields)
      end
    end
  end
end
