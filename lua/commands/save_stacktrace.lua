-- Records why an attempt of a job failed.
--
-- args    stacktrace JSON, reason
-- reply   0
-- errors  -1 no job
-- bullmq  saveStacktrace-1
local job = unpack(KEYS)
local stacktrace, reason = unpack(ARGV)

if redis.call("EXISTS", job) == 0 then
  return -1
end
redis.call("HSET", job, "stacktrace", stacktrace, "failedReason", reason)
return 0
