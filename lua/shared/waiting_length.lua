-- Counts the ids of `wait` or `paused`, dropping a pre-v5 marker (`0:...`) from the end that is taken first.
--
-- returns the number of real ids; a marker that is alone in its list stays, for the fetch to deal with
local function waiting_length(list)
  local length = redis.call("LLEN", list)
  local last = redis.call("LINDEX", list, -1)
  if last and string.sub(last, 1, 2) == "0:" then
    length = length - 1
    if length > 0 then
      redis.call("RPOP", list)
    end
  end
  return length
end
