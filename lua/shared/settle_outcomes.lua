-- Settles outcomes first..last, and leaves what the scripts for one job would have left one after the
-- other. Each gets its `code`.
--
-- outcome: kind (completed, failed, delayed, retry, wait), id, token, value (result, reason, ms of delay,
-- push command), fields (unpack_fields, or nil), rule (read_rule). The same id must not come twice, and
-- several need queue.by_id, the outcomes by id. After a delayed one the delay marker may be left to the
-- caller (`unmarked`).
--
-- returns nothing
-- include load_outcomes take_from_active finish_job delay_job retry_job hand_back_job promote_delayed
-- include flush_evictions flush_finished flush_doomed flush_delay_marker max_events
local function settle_outcomes(queue, outcomes, first, last, now)
  queue.doomed = {}
  queue.finished = {}
  queue.alone = first == last
  if outcomes[first].kind == "retry" then
    -- Before the job is looked at: it may be a delayed one that this makes ready.
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
    if kind ~= "delayed" then
      -- Before anything may leave `delayed` again; for a row of delayed ones the last marker is the one.
      flush_delay_marker(queue)
    end
    if kind == "retry" then
      flush_evictions(queue, now)
      promote_delayed(queue, now)
    end
    if outcome.code == 0 then
      if kind == "completed" or kind == "failed" then
        if not queue.trimmed then
          redis.call("XTRIM", queue.events, "MAXLEN", "~", max_events(queue))
          queue.trimmed = true
        end
        finish_job(queue, outcome, now)
      elseif kind == "delayed" then
        delay_job(queue, outcome, now)
      elseif kind == "retry" then
        retry_job(queue, outcome)
      else
        flush_evictions(queue, now)
        hand_back_job(queue, outcome)
      end
    end
  end
  flush_finished(queue, "completed", now)
  flush_finished(queue, "failed", now)
  flush_doomed(queue)
end
