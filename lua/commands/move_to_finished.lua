-- Completes an active job or fails it for good, and may hand out the next one.
--
-- args    id, now (ms), returnvalue|failedReason, value (JSON | text), completed|failed, fetch 1|0, P,
--         msgpack map {token, keepJobs{count,age,limit}, attempts, maxMetricsSize, lockDuration, limiter,
--         name}, msgpack array of fields or ""
-- reply   0, or what moveToActive replies when fetch is 1 and it has something to tell
-- errors  -1 no job, -2 no lock, -3 not active, -4 pending children, -6 another token, -9 failed children
-- bullmq  moveToFinished-14
-- include unpack_map unpack_fields read_keep number_or settle_outcomes claim_jobs
local wait, active, prioritized, events, stalled, limiter, delayed, paused, meta, pc, target, job,
  metrics, marker = unpack(KEYS)
local id, now, result, value, kind, fetch, prefix, packed_options, packed_fields = unpack(ARGV)

local options = unpack_map(packed_options)
local queue = {
  prefix = prefix, wait = wait, active = active, prioritized = prioritized, events = events,
  stalled = stalled, limiter = limiter, delayed = delayed, paused = paused, meta = meta, pc = pc,
  marker = marker, [kind] = target,
  -- Room for what the routines note in it: growing the table costs more than the rest of it.
  settings = false, doomed = false, finished = false, evicting = false, alone = false,
  trimmed = false, promoted = false, unmarked = false, tell_relatives = false,
}
local outcome = {
  kind = kind, id = id, token = options.token, value = value, fields = unpack_fields(packed_fields),
  rule = read_keep(options.keepJobs, options.attempts),
  key = false, lock = false, code = false, attempts_made = false, parent_key = false,
  deduplication_id = false,
}
settle_outcomes(queue, { outcome }, 1, 1, now)
if outcome.code ~= 0 then
  return outcome.code
end
local max_points = number_or(options.maxMetricsSize, nil)
if max_points then
  -- include collect_metrics
  collect_metrics(metrics, 1, now, max_points)
end
if fetch == "1" then
  local claims, rate_ms, blocked = claim_jobs(queue, now, options, 1, nil)
  local claim = claims[1]
  if claim then
    return { claim[2], claim[1], 0, 0 }
  elseif rate_ms > 0 then
    return { 0, 0, rate_ms, 0 }
  elseif blocked then
    return { 0, 0, 0, 0 }
  end
  -- include next_due
  local due = next_due(queue)
  if due > 0 then
    return { 0, 0, 0, due }
  end
end
-- include add_drained_event
add_drained_event(queue)
return 0
