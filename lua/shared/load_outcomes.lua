-- Reads what settling outcomes first..last needs to know, and judges which of them may not be settled.
--
-- Changes nothing. Sets key and code of each outcome (0, -1, -2, -4, -6 or -9), and where the code is
-- 0 what the hash says: attempts_made, and parent_key, parent and deduplication_id (completed, failed)
-- or priority (other kinds).
--
-- returns true when settling one of the jobs may change what another is judged by
-- include number_or lock_code
local function load_outcomes(queue, outcomes, first, last)
  local prefix = queue.prefix
  local keys, locks, blockers, in_slice = {}, {}, {}, {}
  for i = first, last do
    local outcome = outcomes[i]
    local key = prefix .. outcome.id
    outcome.key = key
    keys[#keys + 1] = key
    locks[#locks + 1] = key .. ":lock"
    if outcome.kind == "completed" then
      blockers[#blockers + 1] = key .. ":dependencies"
      blockers[#blockers + 1] = key .. ":unsuccessful"
    end
    in_slice[key] = true
  end
  local all_exist = redis.call("EXISTS", unpack(keys)) == #keys
  local any_blocker = #blockers > 0 and redis.call("EXISTS", unpack(blockers)) > 0
  local held = redis.call("MGET", unpack(locks))
  local entangled = false
  for i = first, last do
    local outcome = outcomes[i]
    local key, kind = outcome.key, outcome.kind
    local finishes = kind == "completed" or kind == "failed"
    local code = lock_code(held[i - first + 1], outcome.token)
    if not all_exist and redis.call("EXISTS", key) == 0 then
      code = -1
    elseif any_blocker and kind == "completed" then
      -- Before the lock's code: the worker goes on owning the job (WIRE §4.4).
      if redis.call("EXISTS", key .. ":dependencies") == 1 then
        code = -4
      elseif redis.call("EXISTS", key .. ":unsuccessful") == 1 then
        code = -9
      end
    end
    if code == 0 then
      -- pcall: a key that is no hash at all is as good as missing.
      local found
      if finishes then
        found = redis.pcall("HMGET", key, "atm", "parentKey", "deid")
      else
        found = redis.pcall("HMGET", key, "atm", "priority")
      end
      if found.err then
        code = -1
      else
        outcome.attempts_made = number_or(found[1], 0)
        if finishes then
          outcome.parent_key = found[2]
          outcome.deduplication_id = found[3]
          if found[3] and last > first then
            -- The job kept to run after this one may be named as one of the others, or be its child.
            local kept = redis.call("HMGET", prefix .. "dn:" .. found[3], "jid", "pk")
            entangled = entangled or kept[1] and in_slice[prefix .. kept[1]] or in_slice[kept[2]] or false
          end
          if found[2] then
            outcome.parent = redis.call("HGET", key, "parent")
            entangled = entangled or in_slice[found[2]] or false
          end
        else
          outcome.priority = number_or(found[2], 0)
        end
      end
    end
    outcome.code = code
  end
  return entangled
end
