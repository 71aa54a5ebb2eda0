-- Counts the jobs in states.
--
-- args    states; before them, where the first is a number, a time (ms): of the delayed jobs only those
--         due before it count
-- reply   one count for each state
-- errors  none
-- bullmq  getCounts-1
-- include waiting_length
local prefix = unpack(KEYS)
local states = { unpack(ARGV) }

local counts = {}
local due_before = tonumber(states[1])
for i = due_before and 2 or 1, #states do
  local state = states[i]
  local key = prefix .. state
  local count
  if state == "wait" or state == "paused" then
    count = waiting_length(key)
  elseif state == "active" then
    count = redis.call("LLEN", key)
  elseif state == "delayed" and due_before then
    count = redis.call("ZCOUNT", key, "-inf", "(" .. string.format("%.0f", due_before * 4096))
  else
    count = redis.call("ZCARD", key)
  end
  counts[#counts + 1] = count
end
return counts
