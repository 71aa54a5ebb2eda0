-- Reads one page of ids out of a list or sorted set that holds a job state.
--
-- returns ids first to last as Redis gives them: an ascending page of a list comes oldest last
local function state_page(key, is_list, first, last, ascending)
  if is_list then
    if ascending then
      -- The oldest id is at the right end, so the page is counted from there.
      return redis.call("LRANGE", key, -1 - last, -1 - first)
    end
    return redis.call("LRANGE", key, first, last)
  end
  return redis.call(ascending and "ZRANGE" or "ZREVRANGE", key, first, last)
end
