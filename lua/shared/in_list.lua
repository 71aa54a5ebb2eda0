-- Tells whether an id is in a list, by reading it in pages: for a Redis older than LPOS (6.0.6).
--
-- returns true or false
local function in_list(list, id)
  for first = 0, redis.call("LLEN", list) - 1, 1000 do
    local page = redis.call("LRANGE", list, first, first + 999)
    for i = 1, #page do
      if page[i] == id then
        return true
      end
    end
  end
  return false
end
