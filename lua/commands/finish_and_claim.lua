-- Settles the outcomes of many jobs of a worker and hands out many new ones, in one call.
--
-- Leaves what one call for each outcome and then one for each claim would have left. An outcome that is
-- refused does not stop the others.
--
-- args    now (ms), how many jobs to claim, token, first, lock duration (ms), pack 1|0, msgpack map
--         {limiter{max,duration}?, name?, maxMetricsSize?, room{name: how many more}?} or "";
--         then outcomes in groups (read_outcomes); claimed job i, from 0, is locked with
--         `<token>:<first + i>`
-- reply   [a code for each outcome: 0 or an error, for `wait` also the ms of the rate limit (no code at
--         all when every one is 0); for each
--         claim [id, flat hash as it was before this start], all in one msgpack when pack is 1, which
--         costs Redis and client far less than many short texts; ms of rate limit; ms when the next
--         delayed job is due; 1 when the pause or the global concurrency held jobs back, 2 when there was
--         no room under the name of a job, else 0]
-- errors  as codes of the outcomes: -1 no job, -2 no lock, -3 not active, -4 pending children,
--         -6 another token, -9 failed children
-- bullmq  none; state-equal to moveToFinished, moveToDelayed, retryJob, moveJobFromActiveToWait and
--         moveToActive (WIRE §4.4)
-- include read_outcomes settle_batch claim_jobs
local prefix = unpack(KEYS)
local now, wanted, token, first, lock_duration, pack, packed_options = unpack(ARGV, 1, 7)

local options
if packed_options == "" then
  options = { token = token, lockDuration = lock_duration }
else
  -- include unpack_map
  options = unpack_map(packed_options)
  options.token, options.lockDuration = token, lock_duration
end
local outcomes, fault = read_outcomes(ARGV, 8)
if not outcomes then
  return redis.error_reply("ERR finish_and_claim: " .. fault)
end
-- Naming the keys here costs less than taking each as an argument.
local queue = {
  prefix = prefix, wait = prefix .. "wait", active = prefix .. "active",
  prioritized = prefix .. "prioritized", events = prefix .. "events", stalled = prefix .. "stalled",
  limiter = prefix .. "limiter", delayed = prefix .. "delayed", paused = prefix .. "paused",
  meta = prefix .. "meta", pc = prefix .. "pc", completed = prefix .. "completed",
  failed = prefix .. "failed", marker = prefix .. "marker",
  -- Room for what the routines note in it: growing the table costs more than the rest of it.
  settings = false, by_id = false, doomed = false, finished = false, evicting = false, alone = false,
  trimmed = false, promoted = false, promotable = false, marked = false, unmarked = false,
  delay_job = false, reschedule = false, tell_relatives = false,
}
local codes, completions, failures = settle_batch(queue, outcomes, now)
if options.maxMetricsSize then
  -- include number_or collect_metrics
  local max_points = number_or(options.maxMetricsSize, nil)
  if max_points and completions > 0 then
    collect_metrics(prefix .. "metrics:completed", completions, now, max_points)
  end
  if max_points and failures > 0 then
    collect_metrics(prefix .. "metrics:failed", failures, now, max_points)
  end
end
if queue.unmarked then
  -- include flush_delay_marker
  flush_delay_marker(queue)
end

wanted = tonumber(wanted)
local claims, rate_ms, blocked, passed, due = {}, 0, false, false, 0
if wanted > 0 then
  claims, rate_ms, blocked, passed = claim_jobs(queue, now, options, wanted, first)
  if #claims < wanted and rate_ms == 0 and not blocked then
    -- include next_due
    due = next_due(queue)
  end
end
if completions + failures > 0 and #claims == 0 and rate_ms == 0 and not blocked and not passed
  and due == 0
then
  -- include add_drained_event
  add_drained_event(queue)
end
local held = blocked and 1 or passed and 2 or 0
if pack == "1" then
  return { codes, cmsgpack.pack(claims), rate_ms, due, held }
end
return { codes, claims, rate_ms, due, held }
