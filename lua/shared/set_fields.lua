-- Writes decoded fields (unpack_fields) into a hash.
--
-- returns nothing
local function set_fields(key, fields)
  if #fields > 0 then
    redis.call("HSET", key, unpack(fields))
  end
end
