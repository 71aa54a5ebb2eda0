-- Completes an active job or fails it for good, and may hand out the next one.
--
-- args    id, now (ms), returnvalue|failedReason, value (JSON | text), completed|failed, fetch 1|0, P,
--         msgpack map {token, keepJobs{count,age,limit}, attempts, maxMetricsSize, lockDuration, limiter,
--         name}, msgpack array of fields or ""
-- reply   0, or what moveToActive replies when fetch is 1 and it has something to tell
-- errors  -1 no job, -2 no lock, -3 not active, -4 pending children, -6 another token, -9 failed children
-- bullmq  moveToFinished-14
-- include unpack_map unpack_fields read_keep number_or settle_outcomes collect_metrics
-- include claim_jobs next_due add_drained_event
local wait, active, prioritized, events, stalled, limiter, delayed, paused, meta, pc, target, job,
  metrics, marker = unpack(KEYS)
local id, now, result, value, kind, fetch, prefix, packed_options, packed_fields = unpack(ARGV)

local options = unpack_map(packed_options)
local queue = {
  prefix = prefix, wait = wait, active = active, prioritized = prioritized, events = events,
  stalled = stalled, limiter = limiter, delayed = delayed, paused = paused, meta = meta, pc = pc,
  marker = marker, [kind] = target,
}
local outcome = {
  kind = kind, id = id, token = options.token, value = value, fields = unpack_fields(packed_fields),
  rule = { keep = read_keep(options.keepJobs), attempts = tonumber(options.attempts) or 0 },
}
settle_outcomes(queue, { outcome }, 1, 1, now)
if outcome.code ~= 0 then
  return outcome.code
end
local max_points = number_or(options.maxMetricsSize, nil)
if max_points then
  collect_metrics(metrics, 1, now, max_points)
end
if fetch == "1" then
  local claims, rate_ms, blocked = claim_jobs(queue, now, options, 1, nil)
  local claim = claims[1]
  if claim then
    return { claim[3], claim[1], 0, 0 }
  elseif rate_ms > 0 then
    return { 0, 0, rate_ms, 0 }
  elseif blocked then
    return { 0, 0, 0, 0 }
  end
  local due = next_due(queue)
  if due > 0 then
    return { 0, 0, 0, due }
  end
end
add_drained_event(queue)
return 0
