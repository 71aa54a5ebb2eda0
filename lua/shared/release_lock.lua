-- Gives up the lock of a job, so that the stalled check leaves it alone.
--
-- returns 0, -2 when there is no lock, or -6 when another token holds it
-- include lock_code
local function release_lock(key, stalled, id, token)
  if token == "0" then
    return 0
  end
  local lock = key .. ":lock"
  local code = lock_code(redis.call("GET", lock), token)
  if code == 0 then
    redis.call("DEL", lock)
    redis.call("SREM", stalled, id)
  end
  return code
end
