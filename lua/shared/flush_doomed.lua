-- Deletes the noted keys, in as few commands as Lua's stack allows.
--
-- returns nothing
local function flush_doomed(queue)
  local doomed = queue.doomed
  for i = 1, #doomed, 5000 do
    redis.call("DEL", unpack(doomed, i, math.min(i + 4999, #doomed)))
  end
  queue.doomed = {}
end
