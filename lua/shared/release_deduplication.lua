-- Gives up the deduplication window that a removed job still owns.
--
-- returns nothing
local function release_deduplication(queue, id, deduplication_id)
  if deduplication_id then
    local window = queue.prefix .. "de:" .. deduplication_id
    if redis.call("GET", window) == id then
      redis.call("DEL", window, queue.prefix .. "dn:" .. deduplication_id)
    end
  end
end
