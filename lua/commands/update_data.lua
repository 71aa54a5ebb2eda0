-- Replaces the data of a job.
--
-- args    data JSON
-- reply   0
-- errors  -1 no job
-- bullmq  updateData-1
local job = unpack(KEYS)
local data = unpack(ARGV)

if redis.call("EXISTS", job) == 0 then
  return -1
end
redis.call("HSET", job, "data", data)
return 0
