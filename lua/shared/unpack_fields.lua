-- Decodes packed hash fields: a msgpack array of field, value, field, value ...
--
-- What is no such array is dropped: raising would throw the outcome of the job away with it.
--
-- returns the flat array, or nil where there is nothing to write
local function unpack_fields(packed)
  if not packed or packed == "" then
    return nil
  end
  local ok, fields = pcall(cmsgpack.unpack, packed)
  if not ok or type(fields) ~= "table" or #fields % 2 == 1 or #fields == 0 then
    return nil
  end
  for i = 1, #fields do
    local kind = type(fields[i])
    if kind ~= "string" and kind ~= "number" then
      return nil
    end
  end
  return fields
end
