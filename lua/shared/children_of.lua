-- Lists the children of a job: finished, failed by every policy, and last the pending ones.
--
-- returns an array of job keys
local function children_of(key, pending_only)
  local children = {}
  if not pending_only then
    for _, ended in ipairs({ ":processed", ":failed" }) do
      for _, child in ipairs(redis.call("HKEYS", key .. ended)) do
        children[#children + 1] = child
      end
    end
    for _, child in ipairs(redis.call("ZRANGE", key .. ":unsuccessful", 0, -1)) do
      children[#children + 1] = child
    end
  end
  for _, child in ipairs(redis.call("SMEMBERS", key .. ":dependencies")) do
    children[#children + 1] = child
  end
  return children
end
