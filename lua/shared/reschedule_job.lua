-- Brings a job taken from `active` back for another attempt, or for the one it did not use.
--
-- returns nothing
-- include delay_job retry_job hand_back_job flush_evictions
local function reschedule_job(queue, outcome, now)
  if outcome.kind == "delayed" then
    delay_job(queue, outcome, now)
  elseif outcome.kind == "retry" then
    retry_job(queue, outcome)
  else
    flush_evictions(queue, now)
    hand_back_job(queue, outcome)
  end
end
