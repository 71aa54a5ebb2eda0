-- Makes an active job ready for its next attempt at once.
--
-- args    P, now (ms), LPUSH|RPUSH, id, token, msgpack array of fields or ""
-- reply   0
-- errors  -1 no job, -2 no lock, -3 not active, -6 another token
-- bullmq  retryJob-11
-- include unpack_fields settle_outcomes
local active, wait, paused, job, meta, events, delayed, prioritized, pc, marker, stalled = unpack(KEYS)
local prefix, now, push, id, token, packed_fields = unpack(ARGV)

local queue = {
  prefix = prefix, active = active, wait = wait, paused = paused, meta = meta, events = events,
  delayed = delayed, prioritized = prioritized, pc = pc, marker = marker, stalled = stalled,
}
local outcome = {
  kind = "retry", id = id, token = token, value = push, fields = unpack_fields(packed_fields),
}
settle_outcomes(queue, { outcome }, 1, 1, now)
return outcome.code
