-- Hands out the next ready job, locked for its worker.
--
-- args    P, now (ms), msgpack map {token, lockDuration, limiter{max,duration}?, name?}
-- reply   [flat hash or 0, id or 0, ms of rate limit, ms when the next delayed job is due]
-- errors  none
-- bullmq  moveToActive-11
-- include unpack_map claim_jobs next_due
local wait, active, prioritized, events, stalled, limiter, delayed, paused, meta, pc, marker = unpack(KEYS)
local prefix, now, packed_options = unpack(ARGV)

local queue = {
  prefix = prefix, wait = wait, active = active, prioritized = prioritized, events = events,
  stalled = stalled, limiter = limiter, delayed = delayed, paused = paused, meta = meta, pc = pc,
  marker = marker,
}
local claims, rate_ms, blocked = claim_jobs(queue, now, unpack_map(packed_options), 1, nil)
local claim = claims[1]
if claim then
  return { claim[2], claim[1], 0, 0 }
elseif rate_ms > 0 then
  return { 0, 0, rate_ms, 0 }
elseif blocked then
  return { 0, 0, 0, 0 }
end
return { 0, 0, 0, next_due(queue) }
