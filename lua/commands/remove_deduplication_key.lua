-- Opens a deduplication window, provided that it still belongs to the job named.
--
-- args    job id
-- reply   1 removed, 0 another job owns it or nobody does
-- errors  none
-- bullmq  removeDeduplicationKey-1
local window = unpack(KEYS)
local id = unpack(ARGV)

if redis.call("GET", window) == id then
  return redis.call("DEL", window)
end
return 0
