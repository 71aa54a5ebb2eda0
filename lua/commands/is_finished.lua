-- Tells whether a job has finished, and with what.
--
-- args    id, "1" for the value too, else ""
-- reply   0 not yet, 1 completed, 2 failed; with "1" an array of that and returnvalue or failedReason
-- errors  -1 no job (with "1" an array of -1 and a message)
-- bullmq  isFinished-3
local completed, failed, job = unpack(KEYS)
local id, with_value = unpack(ARGV)

local code, value = 0, nil
if redis.call("EXISTS", job) == 0 then
  code, value = -1, "Missing key for job " .. job .. ". isFinished"
elseif redis.call("ZSCORE", completed, id) then
  code, value = 1, redis.call("HGET", job, "returnvalue")
elseif redis.call("ZSCORE", failed, id) then
  code, value = 2, redis.call("HGET", job, "failedReason")
end
if with_value == "1" then
  return { code, value }
end
return code
