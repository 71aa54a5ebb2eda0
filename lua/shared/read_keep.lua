-- Reads a keepJobs rule: how many finished jobs stay, and for how long.
--
-- returns a table: count (0 keeps none, nil has no bound), age (s, or nil), limit (of removals by age)
-- include number_or
local function read_keep(rule)
  if type(rule) ~= "table" then
    return {}
  end
  local count = number_or(rule.count, nil)
  if count then
    count = math.floor(count)
    if count < 0 then
      count = nil
    end
  end
  local limit = math.floor(number_or(rule.limit, 1000))
  return { count = count, age = number_or(rule.age, nil), limit = limit > 0 and limit or 1000 }
end
