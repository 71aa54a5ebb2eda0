-- Moves up to count ready ids to `active` as pop_ready does, but passes over the jobs of names that have no
-- room; they stay where they stand, and keep their order.
--
-- room: how many more jobs of a name may start, for each name that has a limit; counts down. Of `wait` and
-- of `prioritized` the first 500 are looked at.
--
-- returns the ids in the order in which they are to run, and whether any job was passed over
local function pop_named(queue, count, room)
  local PAGE, MOST = 100, 500
  local ids, passed = {}, false
  local function may_start(id)
    -- pcall: a key that is no hash has no name; its worker fails it.
    local name = redis.pcall("HGET", queue.prefix .. id, "name")
    local left = type(name) == "string" and room[name] or nil
    if left and left <= 0 then
      passed = true
      return false
    elseif left then
      room[name] = left - 1
    end
    return true
  end
  local stale = {}
  for first = 1, MOST, PAGE do
    local page = redis.call("LRANGE", queue.wait, -(first + PAGE - 1), -first)
    for i = #page, 1, -1 do
      if #ids == count then
        break
      elseif string.sub(page[i], 1, 2) == "0:" then
        -- Markers that versions before 5 kept in the list.
        stale[#stale + 1] = page[i]
      elseif may_start(page[i]) then
        ids[#ids + 1] = page[i]
      end
    end
    if #page < PAGE or #ids == count then
      break
    end
  end
  for i = 1, #stale do
    redis.call("LREM", queue.wait, "-1", stale[i])
  end
  for i = 1, #ids do
    redis.call("LREM", queue.wait, "-1", ids[i])
  end
  local from_wait = #ids
  for first = 0, MOST - 1, PAGE do
    if #ids == count then
      break
    end
    local page = redis.call("ZRANGE", queue.prioritized, first, first + PAGE - 1)
    for i = 1, #page do
      if #ids < count and may_start(page[i]) then
        ids[#ids + 1] = page[i]
      end
    end
    if #page < PAGE then
      break
    end
  end
  if #ids > from_wait then
    redis.call("ZREM", queue.prioritized, unpack(ids, from_wait + 1))
  end
  if #ids < count and not passed then
    redis.call("DEL", queue.pc)
  end
  if #ids > 0 then
    redis.call("LPUSH", queue.active, unpack(ids))
  end
  return ids, passed
end
