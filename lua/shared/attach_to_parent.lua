-- Makes an existing job a child of the parent that a new job with the same id was to have.
--
-- returns nothing
-- include queue_at parent_of release_parent_if_idle
local function attach_to_parent(queue, job, now)
  local parent_key = job.parent_key
  if redis.call("ZSCORE", queue.prefix .. "completed", job.id) then
    local value = redis.call("HGET", job.key, "returnvalue")
    redis.call("HSET", parent_key .. ":processed", job.key, value or "null")
    local parent = parent_of(parent_key, job.parent)
    -- In a flow the other children are not inserted yet: releaseParentIfNoPendingDependencies follows.
    if parent and not job.in_flow then
      release_parent_if_idle(queue_at(parent.prefix), parent, now)
    end
  elseif job.parent_dependencies then
    redis.call("SADD", job.parent_dependencies, job.key)
  end
  redis.call("HSET", job.key, "parentKey", parent_key, "parent", job.parent)
end
