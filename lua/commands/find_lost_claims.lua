-- Finds active jobs that a worker holds but does not know of: the reply that handed them out was lost.
--
-- args    P, token of the worker (without the number of the claim), how many ids to look at from the
--         newest end of `active`; then the ids that the worker knows
-- reply   [id, token] for each
-- errors  none
-- bullmq  none; reads only
local active = unpack(KEYS)
local prefix, base, limit = unpack(ARGV, 1, 3)

local known = {}
for i = 4, #ARGV do
  known[ARGV[i]] = true
end
local start = base .. ":"
local lost = {}
for first = 0, tonumber(limit) - 1, 1000 do
  local ids = redis.call("LRANGE", active, first, math.min(first + 999, tonumber(limit) - 1))
  if #ids == 0 then
    break
  end
  local locks = {}
  for i = 1, #ids do
    locks[i] = prefix .. ids[i] .. ":lock"
  end
  local held = redis.call("MGET", unpack(locks))
  for i = 1, #ids do
    local token = held[i]
    if token and not known[ids[i]] and string.sub(token, 1, #start) == start then
      lost[#lost + 1] = { ids[i], token }
    end
  end
end
return lost
