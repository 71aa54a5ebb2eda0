-- Settles the outcomes of many jobs of a worker and hands out many new ones, in one call.
--
-- Leaves what one call for each outcome and then one for each claim would have left. An outcome that is
-- refused does not stop the others.
--
-- args    P, now (ms), msgpack map {token, first, lockDuration, limiter{max,duration}?, name?,
--         maxMetricsSize?, room{name: how many more}?}, how many outcomes, how many jobs to claim; then for each outcome
--         completed|failed|delayed|retry|wait, id, token, value (result JSON | reason | delay ms |
--         LPUSH or RPUSH | ""), msgpack map {keepJobs, attempts | skipAttempt} or "", msgpack array of
--         fields or ""; claimed job i, from 0, is locked with `<token>:<first + i>`
-- reply   [a code for each outcome: 0 or an error, for `wait` also the ms of the rate limit; for each
--         claim [id, token, flat hash]; ms of rate limit; ms when the next delayed job is due;
--         1 when the pause or the global concurrency held jobs back, 2 when there was no room under
--         the name of a job, else 0]
-- errors  as codes of the outcomes: -1 no job, -2 no lock, -3 not active, -4 pending children,
--         -6 another token, -9 failed children
-- bullmq  none; state-equal to moveToFinished, moveToDelayed, retryJob, moveJobFromActiveToWait and
--         moveToActive (WIRE §4.4)
-- include unpack_map number_or read_outcomes settle_batch collect_metrics
-- include flush_delay_marker claim_jobs next_due add_drained_event
local wait, active, prioritized, events, stalled, limiter, delayed, paused, meta, pc, completed, failed,
  metrics_completed, metrics_failed, marker = unpack(KEYS)
local prefix, now, packed_options, outcome_count, wanted = unpack(ARGV, 1, 5)

local options = unpack_map(packed_options)
local outcomes, fault = read_outcomes(ARGV, 5, tonumber(outcome_count))
if not outcomes then
  return redis.error_reply("ERR finish_and_claim: " .. fault)
end
local queue = {
  prefix = prefix, wait = wait, active = active, prioritized = prioritized, events = events,
  stalled = stalled, limiter = limiter, delayed = delayed, paused = paused, meta = meta, pc = pc,
  completed = completed, failed = failed, marker = marker,
}
local codes, done = settle_batch(queue, outcomes, now)
local max_points = number_or(options.maxMetricsSize, nil)
if max_points and done.completed > 0 then
  collect_metrics(metrics_completed, done.completed, now, max_points)
end
if max_points and done.failed > 0 then
  collect_metrics(metrics_failed, done.failed, now, max_points)
end
flush_delay_marker(queue)

wanted = tonumber(wanted)
local claims, rate_ms, blocked, passed, due = {}, 0, false, false, 0
if wanted > 0 then
  claims, rate_ms, blocked, passed = claim_jobs(queue, now, options, wanted, tonumber(options.first) or 0)
  if #claims < wanted and rate_ms == 0 and not blocked then
    due = next_due(queue)
  end
end
if done.completed + done.failed > 0 and #claims == 0 and rate_ms == 0 and not blocked and not passed
  and due == 0
then
  add_drained_event(queue)
end
return { codes, claims, rate_ms, due, blocked and 1 or passed and 2 or 0 }
