-- Writes the definition of a scheduler anew; the count of its iterations goes on.
--
-- definition: name and what it has of tz, limit, pattern, startDate, endDate, every, offset.
-- template: JSON text of the job options. data: JSON text.
--
-- returns nothing
local function store_scheduler(key, definition, template, data)
  local kept = redis.call("HMGET", key, "offset", "ic")
  definition.offset = definition.offset or kept[1]
  local fields = { "name", definition.name, "ic", kept[2] or 1 }
  local function add(field, value)
    if value then
      fields[#fields + 1] = field
      fields[#fields + 1] = value
    end
  end
  for _, field in ipairs({ "tz", "limit", "pattern", "startDate", "endDate", "every", "offset" }) do
    add(field, definition[field])
  end
  add("opts", template ~= "{}" and template)
  add("data", data ~= "{}" and data)
  redis.call("DEL", key)
  redis.call("HSET", key, unpack(fields))
end
