-- Deletes a job and its place in its parent's dependencies, but not its id in a list or set of states.
--
-- hard: see drop_from_parent. keep_deduplication leaves its deduplication window as it is.
--
-- returns nothing
-- include drop_from_parent release_deduplication delete_job_keys
local function remove_job(queue, id, hard, keep_deduplication)
  local key = queue.prefix .. id
  drop_from_parent(queue, key, hard)
  if not keep_deduplication then
    release_deduplication(queue, id, redis.call("HGET", key, "deid"))
  end
  delete_job_keys(key)
end
