-- Reads what settling outcomes first..last needs to know, and judges which of them may not be settled.
--
-- Changes nothing. Sets key, lock (its key) and code (0, -1, -2, -4, -6 or -9) of each outcome, and what
-- the hash says: attempts_made, and parent_key and deduplication_id (completed, failed) or priority
-- (other kinds).
--
-- returns true when settling one of the jobs may change what another is judged by (then queue.by_id, the
-- outcomes by id, is asked)
-- include number_or
local function load_outcomes(queue, outcomes, first, last)
  local prefix = queue.prefix
  local locks, blockers, blocker_count, offset = {}, {}, 0, 1 - first
  for i = first, last do
    local outcome = outcomes[i]
    local key = prefix .. outcome.id
    local lock = key .. ":lock"
    outcome.key = key
    outcome.lock = lock
    locks[i + offset] = lock
    if outcome.kind == "completed" then
      blockers[blocker_count + 1] = key .. ":dependencies"
      blockers[blocker_count + 2] = key .. ":unsuccessful"
      blocker_count = blocker_count + 2
    end
  end
  local held = redis.call("MGET", unpack(locks))
  local any_blocker = blocker_count > 0 and redis.call("EXISTS", unpack(blockers)) > 0
  local related = false
  for i = first, last do
    local outcome = outcomes[i]
    local key, kind = outcome.key, outcome.kind
    local finishes = kind == "completed" or kind == "failed"
    -- pcall: a key that is no hash at all is as good as missing.
    local found
    if finishes then
      found = redis.pcall("HMGET", key, "processedOn", "atm", "parentKey", "deid")
    else
      found = redis.pcall("HMGET", key, "processedOn", "atm", "priority")
    end
    local code = 0
    if found.err or not (found[1] or found[2] or found[3]) and redis.call("EXISTS", key) == 0 then
      code = -1
    elseif any_blocker and kind == "completed" then
      -- Before the lock is judged: the worker goes on owning the job (WIRE §4.4).
      if redis.call("EXISTS", key .. ":dependencies") == 1 then
        code = -4
      elseif redis.call("EXISTS", key .. ":unsuccessful") == 1 then
        code = -9
      end
    end
    if code == 0 and held[i + offset] ~= outcome.token then
      -- include lock_code
      code = lock_code(held[i + offset], outcome.token)
    end
    outcome.code = code
    outcome.attempts_made = found[2] and number_or(found[2], 0) or 0
    if finishes then
      outcome.parent_key = found[3]
      outcome.deduplication_id = found[4]
      related = related or found[3] or found[4]
    else
      outcome.priority = number_or(found[3], 0)
    end
  end
  if not related or first == last then
    return false
  end
  local by_id, start = queue.by_id, #prefix
  for i = first, last do
    local outcome = outcomes[i]
    local parent_key, child_of = outcome.parent_key, nil
    if outcome.deduplication_id then
      -- The job kept to run after this one may be named as one of the others, or be its child.
      local kept = redis.call("HMGET", prefix .. "dn:" .. outcome.deduplication_id, "jid", "pk")
      if by_id[kept[1]] then
        return true
      end
      child_of = kept[2]
    end
    if parent_key and string.sub(parent_key, 1, start) == prefix and by_id[string.sub(parent_key, start + 1)]
      or child_of and string.sub(child_of, 1, start) == prefix and by_id[string.sub(child_of, start + 1)]
    then
      return true
    end
  end
  return false
end
