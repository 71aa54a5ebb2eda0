-- Decodes packed hash fields: "" or a msgpack array of field, value, field, value ...
--
-- What is no such array is dropped: raising would throw the outcome of the job away with it.
--
-- returns the flat array (empty where there is nothing to write)
local function unpack_fields(packed)
  if not packed or packed == "" then
    return {}
  end
  local ok, fields = pcall(cmsgpack.unpack, packed)
  if not ok or type(fields) ~= "table" or #fields % 2 == 1 then
    return {}
  end
  for i = 1, #fields do
    local kind = type(fields[i])
    if kind ~= "string" and kind ~= "number" then
      return {}
    end
  end
  return fields
end
