-- Makes up to count jobs of one state ready to run, oldest first and whatever their priority.
--
-- args    count, highest score, state (completed, failed or delayed)
--         "1" to be told how many (bullrs)
-- reply   1 there may be more of them, 0 done; when told how many [that, jobs moved]
-- errors  none
-- bullmq  moveJobsToWait-8
-- include add_base_marker in_batches max_events push_target restore_dependency
local prefix, events, source, wait, paused, meta, active, marker = unpack(KEYS)
local count, highest, state, tell = unpack(ARGV)

local ids = redis.call("ZRANGEBYSCORE", source, 0, highest, "LIMIT", 0, count)
if #ids == 0 then
  return tell == "1" and { 0, 0 } or 0
end

local queue = { wait = wait, paused = paused, meta = meta, active = active, marker = marker }
local outcome = ({ completed = "returnvalue", failed = "failedReason" })[state]
for _, id in ipairs(ids) do
  if outcome then
    redis.call("HDEL", prefix .. id, "finishedOn", "processedOn", outcome)
    restore_dependency(prefix .. id, state)
  end
  redis.call("XADD", events, "MAXLEN", "~", max_events(queue), "*",
    "event", "waiting", "jobId", id, "prev", state)
end
in_batches("ZREM", source, ids)
in_batches("LPUSH", push_target(queue), ids)
add_base_marker(queue)
local again = #ids >= tonumber(count) and 1 or 0
return tell == "1" and { again, #ids } or again
