-- Records the progress of a job and tells so in the events.
--
-- args    id, progress JSON
-- reply   0
-- errors  -1 no job
-- bullmq  updateProgress-3
-- include max_events
local job, events, meta = unpack(KEYS)
local id, progress = unpack(ARGV)

if redis.call("EXISTS", job) == 0 then
  return -1
end
redis.call("HSET", job, "progress", progress)
redis.call("XADD", events, "MAXLEN", "~", max_events({ meta = meta }), "*",
  "event", "progress", "jobId", id, "data", progress)
return 0
