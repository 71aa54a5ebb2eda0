-- Ends the deduplication window of a job that has finished, and adds the job kept to run after it.
--
-- returns nothing
-- include requeue_kept_job
local function finish_deduplication(queue, id, deduplication_id, now)
  local window = queue.prefix .. "de:" .. deduplication_id
  local ttl = redis.call("PTTL", window)
  if ttl == 0 or (ttl == -1 and redis.call("GET", window) == id) then
    redis.call("DEL", window)
  end
  requeue_kept_job(queue, deduplication_id, window, now)
end
