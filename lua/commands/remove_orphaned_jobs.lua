-- Deletes the keys of those candidate jobs that no state of the queue holds.
--
-- args    number of states, states ..., number of subkeys, subkeys ..., candidate ids ...
-- reply   number of jobs removed
-- errors  none
-- bullmq  removeOrphanedJobs-1
local prefix = unpack(KEYS)
local state_count = unpack(ARGV)

-- Clients guess ids from key names. `metrics:failed` and `dn:failed` look to them like the
-- children of jobs called `metrics` and `dn`, but are the queue's own.
local not_jobs = { metrics = true, dn = true }

local lookups = { list = "LPOS", zset = "ZSCORE", set = "SISMEMBER" }
local states = {}
for index = 2, 1 + state_count do
  local key = prefix .. ARGV[index]
  local lookup = lookups[redis.call("TYPE", key).ok]
  if lookup then
    states[#states + 1] = { lookup, key }
  end
end

local function has_state(id)
  for _, state in ipairs(states) do
    local found = redis.call(state[1], state[2], id)
    if found and (found ~= 0 or state[1] == "LPOS") then
      return true
    end
  end
  return false
end

local subkeys_from = 3 + state_count
local subkeys_to = subkeys_from - 1 + ARGV[subkeys_from - 1]
local removed = 0
for index = subkeys_to + 1, #ARGV do
  local id = ARGV[index]
  if not has_state(id) and not (not_jobs[id] and redis.call("EXISTS", prefix .. id) == 0) then
    local keys = { prefix .. id }
    for at = subkeys_from, subkeys_to do
      keys[#keys + 1] = prefix .. id .. ":" .. ARGV[at]
    end
    redis.call("DEL", unpack(keys))
    removed = removed + 1
  end
end
return removed
