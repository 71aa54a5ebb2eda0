-- Names the job that a scheduler makes for a slot.
--
-- returns the job id
local function iteration_id(scheduler_id, slot)
  -- Lua itself would write a large slot with an exponent.
  return string.format("repeat:%s:%.0f", scheduler_id, slot)
end
