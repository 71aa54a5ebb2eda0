-- Settles outcomes first..last, and leaves what the scripts for one job would have left one after the
-- other. Each gets its `code`.
--
-- outcome: kind (completed, failed, delayed, retry, wait), id, token, value (result, reason, ms of delay,
-- push command), fields (unpack_fields, or nil), rule (read_rule). The same id must not come twice, and
-- several need queue.by_id, the outcomes by id. After a delayed one the delay marker may be left to the
-- caller (`unmarked`).
--
-- returns nothing
-- include load_outcomes take_from_active finish_job promote_delayed flush_finished flush_doomed max_events
local function settle_outcomes(queue, outcomes, first, last, now)
  -- As long as most single jobs need it.
  queue.doomed = { nil, nil, nil, nil, nil, nil, nil, nil }
  queue.finished = {}
  queue.alone = first == last
  if outcomes[first].kind == "retry" then
    -- Before the job is looked at: it may be a delayed one that this makes ready.
    -- include flush_delay_marker
    flush_delay_marker(queue)
    promote_delayed(queue, now)
  end
  if load_outcomes(queue, outcomes, first, last) and last > first then
    for i = first, last do
      settle_outcomes(queue, outcomes, i, i, now)
    end
    return
  end
  take_from_active(queue, outcomes, first, last)
  for i = first, last do
    local outcome = outcomes[i]
    local kind = outcome.kind
    if queue.unmarked and kind ~= "delayed" then
      -- Before anything may leave `delayed` again; for a row of delayed ones the last marker is the one.
      -- include flush_delay_marker
      flush_delay_marker(queue)
    end
    if kind == "retry" then
      -- include flush_evictions
      flush_evictions(queue, now)
      promote_delayed(queue, now)
    end
    if outcome.code == -4 and first < last then
      -- What the jobs before it have driven out may have been the last child it waited for.
      flush_finished(queue, "completed", now)
      flush_finished(queue, "failed", now)
      flush_doomed(queue)
      settle_outcomes(queue, outcomes, i, i, now)
      queue.alone = false
    elseif outcome.code == 0 then
      if kind == "completed" or kind == "failed" then
        if not queue.trimmed then
          redis.call("XTRIM", queue.events, "MAXLEN", "~", max_events(queue))
          queue.trimmed = true
        end
        finish_job(queue, outcome, now)
      elseif kind == "delayed" then
        local delay = queue.delay_job
        if not delay then
          -- include delay_job
          delay = delay_job
          queue.delay_job = delay
        end
        delay(queue, outcome, now)
      else
        local reschedule = queue.reschedule
        if not reschedule then
          -- include reschedule_job
          reschedule = reschedule_job
          queue.reschedule = reschedule
        end
        reschedule(queue, outcome, now)
      end
    end
  end
  flush_finished(queue, "completed", now)
  flush_finished(queue, "failed", now)
  flush_doomed(queue)
end
