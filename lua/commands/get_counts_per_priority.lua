-- Counts the ready jobs of each priority asked for; those without one under 0.
--
-- args    priorities ...
-- reply   a number per priority, in the order asked
-- errors  none
-- bullmq  getCountsPerPriority-2
local wait, prioritized = unpack(KEYS)
local priorities = { unpack(ARGV) }

local counts = {}
for index = 1, #priorities do
  local priority = tonumber(priorities[index])
  if priority == 0 then
    -- A paused queue of a 5.x app keeps them in the list beside.
    local paused = string.sub(wait, 1, -#"wait" - 1) .. "paused"
    counts[index] = redis.call("LLEN", wait) + redis.call("LLEN", paused)
  else
    counts[index] = redis.call("ZCOUNT", prioritized,
      priority * 4294967296, (priority + 1) * 4294967296 - 1)
  end
end
return counts
