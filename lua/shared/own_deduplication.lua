-- Makes a job the owner of a deduplication window, for as long as the rule (opts.de) says.
--
-- returns nothing
-- include number_or
local function own_deduplication(window, id, rule)
  local ttl = math.floor(number_or(rule.ttl, 0))
  if ttl > 0 and not rule.keepLastIfActive then
    redis.call("SET", window, id, "PX", ttl)
  else
    redis.call("SET", window, id)
  end
end
