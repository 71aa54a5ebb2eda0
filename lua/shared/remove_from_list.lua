-- Takes many ids out of a list in one walk, where an LREM for each would walk it as often.
--
-- wanted: by id, true for those to take out; becomes false for those that were there.
--
-- returns nothing
local function remove_from_list(list, wanted)
  local ids, kept, count = redis.call("LRANGE", list, "0", "-1"), {}, 0
  for i = #ids, 1, -1 do
    local id = ids[i]
    if wanted[id] then
      wanted[id] = false
    else
      count = count + 1
      kept[count] = id
    end
  end
  redis.call("DEL", list)
  for from = 1, count, 1000 do
    redis.call("LPUSH", list, unpack(kept, from, math.min(from + 999, count)))
  end
end
