-- Makes a job taken from `active` ready again: for its next attempt, or as one that was handed back.
--
-- returns nothing
-- include retry_job hand_back_job flush_evictions
local function reschedule_job(queue, outcome, now)
  if outcome.kind == "retry" then
    retry_job(queue, outcome)
  else
    flush_evictions(queue, now)
    hand_back_job(queue, outcome)
  end
end
