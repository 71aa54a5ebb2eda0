-- Counts a parent's children by how they ended, or that they have not.
--
-- args    kinds ...: processed, unprocessed, ignored; anything else counts the failed ones
-- reply   a number per kind, in the order asked
-- errors  none
-- bullmq  getDependencyCounts-4
local processed, unprocessed, ignored, failed = unpack(KEYS)
local kinds = { unpack(ARGV) }

local counts = {}
for index = 1, #kinds do
  local kind = kinds[index]
  if kind == "processed" then
    counts[index] = redis.call("HLEN", processed)
  elseif kind == "unprocessed" then
    counts[index] = redis.call("SCARD", unprocessed)
  elseif kind == "ignored" then
    counts[index] = redis.call("HLEN", ignored)
  else
    counts[index] = redis.call("ZCARD", failed)
  end
end
return counts
