-- Cancels a job: fails one that no worker runs at once, and leaves a request for the worker of one that runs.
--
-- Requests are the hash `requests`: id to msgpack [timestamp of the job, reason]. A job that fails here
-- uses no attempt, since none was made.
--
-- args    P, now (ms), id, reason, the same as failedReason, attempts made as the caller has read them,
--         msgpack map {keepJobs}, msgpack array of fields, ms after which requests are forgotten
-- reply   [failed, the state it was in]; [requested, active]; [finished, completed or failed]; or
--         [changed, ""]: it was attempted since it was read, and nothing was done
-- errors  -1 no job, -3 in no state at all, -8 the armed iteration of a scheduler
-- bullmq  none; a job that fails has the state of one that moveToFinished fails, but for its attempts
-- include is_armed number_or remove_from_any_state unpack_fields read_rule finish_job
-- include flush_evictions flush_finished flush_doomed max_events
local wait, active, prioritized, events, delayed, paused, meta, pc, completed, failed, marker, waiting_children,
  requests = unpack(KEYS)
local prefix, now, id, reason, failure, made, packed_rule, packed_fields, keep_requests = unpack(ARGV)

local key = prefix .. id
-- pcall: a key that is no hash at all is as good as missing.
local job = redis.pcall("HMGET", key, "timestamp", "atm", "parentKey", "deid")
if job.err or redis.call("EXISTS", key) == 0 then
  return -1
elseif redis.call("ZSCORE", completed, id) then
  return { "finished", "completed" }
elseif redis.call("ZSCORE", failed, id) then
  return { "finished", "failed" }
elseif redis.call("LPOS", active, id) then
  redis.call("HSET", requests, id, cmsgpack.pack({ job[1] or "", reason }))
  redis.call("PEXPIRE", requests, keep_requests)
  return { "requested", "active" }
end
local queue = {
  prefix = prefix, wait = wait, active = active, prioritized = prioritized, events = events,
  delayed = delayed, paused = paused, meta = meta, pc = pc, completed = completed, failed = failed,
  marker = marker, finished = {}, doomed = {}, by_id = {}, alone = true,
}
if is_armed(queue, id) then
  return -8
end
local attempts_made = job[2] and number_or(job[2], 0) or 0
if attempts_made ~= tonumber(made) then
  return { "changed", "" }
end
local state = remove_from_any_state(queue, id)
if state == "unknown" then
  return -3
elseif state == "wait" or state == "paused" then
  state = "waiting"
end
local rule = read_rule(packed_rule)
rule.attempts = math.huge
redis.call("HDEL", requests, id)
redis.call("XTRIM", events, "MAXLEN", "~", max_events(queue))
finish_job(queue, {
  kind = "failed", id = id, key = key, value = failure, fields = unpack_fields(packed_fields), rule = rule,
  attempts_made = attempts_made, parent_key = job[3], deduplication_id = job[4], unstarted_in = state,
}, now)
flush_evictions(queue, now)
flush_finished(queue, "failed", now)
flush_doomed(queue)
return { "failed", state }
