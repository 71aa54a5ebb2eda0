-- Decodes a msgpack map of options.
--
-- returns the table, or an empty one where packed is empty or no map
local function unpack_map(packed)
  if packed and packed ~= "" then
    local ok, map = pcall(cmsgpack.unpack, packed)
    if ok and type(map) == "table" then
      return map
    end
  end
  return {}
end
