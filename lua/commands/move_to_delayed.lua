-- Puts an active job into `delayed` for its next attempt, and may hand out the next job.
--
-- args    P, now (ms), id, token, delay (ms), skipAttempt 1|0, msgpack array of fields or "", fetch 1|0,
--         msgpack map {token, lockDuration, limiter, name} or ""
-- reply   0, or [flat hash, id, 0, 0] of the next job
-- errors  -1 no job, -2 no lock, -3 not active, -6 another token
-- bullmq  moveToDelayed-11
-- include unpack_map unpack_fields settle_outcomes claim_jobs add_delay_marker
local marker, active, prioritized, delayed, job, events, meta, stalled, wait, limiter, pc = unpack(KEYS)
local prefix, now, id, token, delay, skip_attempt, packed_fields, fetch, packed_options = unpack(ARGV)

local queue = {
  prefix = prefix, marker = marker, active = active, prioritized = prioritized, delayed = delayed,
  events = events, meta = meta, stalled = stalled, wait = wait, limiter = limiter, pc = pc,
  paused = prefix .. "paused",
}
local outcome = {
  kind = "delayed", id = id, token = token, value = delay, fields = unpack_fields(packed_fields),
  rule = { skip_attempt = skip_attempt == "1" },
}
settle_outcomes(queue, { outcome }, 1, 1, now)
if outcome.code ~= 0 then
  return outcome.code
end
if fetch == "1" then
  local claim = claim_jobs(queue, now, unpack_map(packed_options), 1, nil)[1]
  if claim then
    return { claim[2], claim[1], 0, 0 }
  end
end
add_delay_marker(queue)
return 0
