-- Reads a number that any client may have written.
--
-- returns value as a number, or fallback when it is missing, not numeric or not finite
local function number_or(value, fallback)
  local number = tonumber(value)
  -- A NaN or an infinity would make ZADD or HSET arithmetic raise after the job has moved.
  if number and number > -9007199254740992 and number < 9007199254740992 then
    return number
  end
  return fallback
end
