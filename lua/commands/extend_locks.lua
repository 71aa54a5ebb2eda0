-- Keeps the locks of many jobs for another while, and the stalled check away from them.
--
-- args    P, msgpack array of tokens, msgpack array of ids, lock duration (ms)
-- reply   the ids whose lock is gone or held with another token
-- errors  none
-- bullmq  extendLocks-1
local stalled = unpack(KEYS)
local prefix, packed_tokens, packed_ids, duration = unpack(ARGV)

local tokens, ids = cmsgpack.unpack(packed_tokens), cmsgpack.unpack(packed_ids)
local lost = {}
for from = 1, #ids, 1000 do
  local to = math.min(from + 999, #ids)
  local locks, kept = {}, {}
  for i = from, to do
    locks[#locks + 1] = prefix .. ids[i] .. ":lock"
  end
  local held = redis.call("MGET", unpack(locks))
  for i = from, to do
    local lock, token = locks[i - from + 1], tokens[i]
    if token and held[i - from + 1] == token then
      redis.call("SET", lock, token, "PX", duration)
      kept[#kept + 1] = ids[i]
    else
      lost[#lost + 1] = ids[i]
    end
  end
  if #kept > 0 then
    redis.call("SREM", stalled, unpack(kept))
  end
end
return lost
