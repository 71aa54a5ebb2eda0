-- Removes a job from whatever state it is in and, when asked, everything below it first.
--
-- parent_key: whose dependencies it leaves; nil reads it from the job. with_children removes its
-- children too. sparing passes over locked and failed jobs, and over children that have ended.
--
-- returns nothing
-- include children_of delete_job_keys drop_from_parent max_events queue_at release_deduplication
-- include remove_from_any_state split_job_key
local function remove_tree(queue, id, parent_key, with_children, sparing)
  -- Every job is met twice: on the way down, and again when all below it is gone.
  local stack = { { queue = queue, id = id, key = queue.prefix .. id, parent = parent_key } }
  local above = {}
  while #stack > 0 do
    local job = table.remove(stack)
    local key = job.key
    if job.visited then
      above[key] = nil
      local state = remove_from_any_state(job.queue, job.id)
      release_deduplication(job.queue, job.id, redis.call("HGET", key, "deid"))
      if delete_job_keys(key) > 0 then
        redis.call("XADD", job.queue.events, "MAXLEN", "~", max_events(job.queue), "*",
          "event", "removed", "jobId", job.id, "prev", state)
      end
    elseif not above[key] and not (sparing and (redis.call("EXISTS", key .. ":lock") == 1
      or redis.call("ZSCORE", job.queue.prefix .. "failed", job.id)))
    then
      above[key] = true
      job.visited = true
      stack[#stack + 1] = job
      drop_from_parent(job.queue, key, false, job.parent)
      local children = with_children and children_of(key, sparing) or {}
      for index = #children, 1, -1 do
        local child = children[index]
        local child_queue, child_id = split_job_key(child)
        if child_id then
          stack[#stack + 1] = {
            queue = queue_at(child_queue .. ":"), id = child_id, key = child, parent = key,
          }
        end
      end
    end
  end
end
