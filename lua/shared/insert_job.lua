-- Adds a job (read_new_job) as its kind asks, or finds the one that stands for it: "standard" to run at
-- once, "prioritized", "delayed", or "parent" to wait for its children. The client chooses the kind.
--
-- returns what the adding scripts reply: the id of the job, -5 or -7
-- include admit_job enqueue max_events
local function insert_job(queue, job, counter, kind)
  local reply, kept = admit_job(queue, job, counter, kind ~= "parent")
  if reply then
    if kept and kind ~= "parent" then
      -- include reschedule_deduplicated
      reschedule_deduplicated(queue, job, kept)
    end
    return reply
  end
  local told = "waiting"
  if kind == "delayed" then
    -- include number_or add_delayed add_delay_marker
    add_delayed(queue, job.id, job.timestamp, number_or(job.delay, 0))
    add_delay_marker(queue)
    told = nil
  elseif kind == "parent" then
    redis.call("ZADD", queue.waiting_children, job.timestamp, job.id)
    told = "waiting-children"
  elseif kind == "prioritized" then
    -- include number_or priority_score add_base_marker
    redis.call("ZADD", queue.prioritized, priority_score(queue, number_or(job.priority, 0)), job.id)
    add_base_marker(queue)
  else
    enqueue(queue, job.id, 0, job.options.lifo and "RPUSH" or "LPUSH")
  end
  if told then
    redis.call("XADD", queue.events, "MAXLEN", "~", max_events(queue), "*", "event", told, "jobId", job.id)
  end
  if job.parent_dependencies then
    redis.call("SADD", job.parent_dependencies, job.key)
  end
  return job.id
end
