-- Runs a command with many ids, as many to a call as Lua can unpack onto its stack.
--
-- returns nothing
local function in_batches(command, key, ids)
  for from = 1, #ids, 7000 do
    redis.call(command, key, unpack(ids, from, math.min(from + 6999, #ids)))
  end
end
