-- Takes the jobs of outcomes first..last out of `active` and gives up their locks.
--
-- A job that is not there gets code -3 (its lock is gone all the same, as with stock); one to be handed
-- back only learns `absent`. The locks go with flush_doomed.
--
-- returns nothing
local function take_from_active(queue, outcomes, first, last)
  local FEW_REMOVALS, SHORT_LIST = 24, 2000
  local doomed, unlocked, unlocked_count, taken = queue.doomed, {}, 0, 0
  for i = first, last do
    local outcome = outcomes[i]
    if outcome.code == 0 then
      taken = taken + 1
      if outcome.token ~= "0" then
        unlocked_count = unlocked_count + 1
        unlocked[unlocked_count] = outcome.id
        doomed[#doomed + 1] = outcome.lock
      end
    end
  end
  if unlocked_count > 0 then
    redis.call("SREM", queue.stalled, unpack(unlocked))
  end
  -- A worker mostly finishes what stands at the old end; one LTRIM then does the work of all LREMs.
  if taken > 2 then
    local oldest, found = redis.call("LRANGE", queue.active, -taken, "-1"), 0
    for i = 1, #oldest do
      local outcome = queue.by_id[oldest[i]]
      if outcome and outcome.code == 0 and not outcome.at_end then
        outcome.at_end = true
        found = found + 1
      end
    end
    if found == taken then
      redis.call("LTRIM", queue.active, "0", -taken - 1)
      return
    end
  end
  -- Each LREM walks half the list in C; one walk of all of it in Lua costs as much as some 24 of them,
  -- whatever the length (measured from 100 to 2000 ids).
  if taken >= FEW_REMOVALS and redis.call("LLEN", queue.active) <= SHORT_LIST then
    -- include remove_from_list
    local wanted = {}
    for i = first, last do
      wanted[outcomes[i].id] = outcomes[i].code == 0
    end
    remove_from_list(queue.active, wanted)
    for i = first, last do
      outcomes[i].removed = outcomes[i].code == 0 and not wanted[outcomes[i].id]
    end
  end
  for i = first, last do
    local outcome = outcomes[i]
    if outcome.code == 0 and not outcome.removed and redis.call("LREM", queue.active, "-1", outcome.id) == 0 then
      if outcome.kind == "wait" then
        outcome.absent = true
      else
        outcome.code = -3
        if outcome.fields then
          redis.call("HSET", outcome.key, unpack(outcome.fields))
        end
      end
    end
  end
end
