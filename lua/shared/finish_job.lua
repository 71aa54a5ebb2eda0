-- Records that a job taken from its state is completed or failed: its parent, its deduplication window,
-- its hash and the events know of it. flush_finished does what can be done for many jobs at once.
--
-- unstarted_in names the state of a job that fails without having been started, and so uses no attempt.
--
-- returns nothing
-- include finish_deduplication parent_of queue_at release_parent_if_idle fail_child drop_from_parent
-- include doom_job flush_finished flush_evictions
local function finish_job(queue, outcome, now)
  local id, key, kind, value = outcome.id, outcome.key, outcome.kind, outcome.value
  local completed = kind == "completed"
  if outcome.parent_key or outcome.deduplication_id then
    flush_evictions(queue, now)
  end
  if outcome.deduplication_id then
    finish_deduplication(queue, id, outcome.deduplication_id, now)
  end
  local parent = outcome.parent_key
    and parent_of(outcome.parent_key, redis.call("HGET", key, "parent"))
  if parent then
    local parent_queue = parent.prefix == queue.prefix and queue or queue_at(parent.prefix)
    if not completed then
      fail_child(parent_queue, parent, key, value, now)
    elseif redis.call("SREM", parent.key .. ":dependencies", key) == 1 then
      redis.call("HSET", parent.key .. ":processed", key, value)
      release_parent_if_idle(parent_queue, parent, now)
    end
  end
  local attempts_made = outcome.attempts_made + (outcome.unstarted_in and 0 or 1)
  local keep, result = outcome.rule.keep, completed and "returnvalue" or "failedReason"
  if keep.count == 0 then
    -- A completed job has no children (load_outcomes), but for one that its window has kept until now.
    doom_job(queue, key, completed and not outcome.deduplication_id)
    if outcome.parent_key then
      drop_from_parent(queue, key, false, outcome.parent_key)
    end
  else
    local fields = outcome.fields
    if not fields then
      redis.call("HSET", key, "atm", attempts_made, result, value, "finishedOn", now)
    else
      fields[#fields + 1] = "atm"
      fields[#fields + 1] = attempts_made
      fields[#fields + 1] = result
      fields[#fields + 1] = value
      fields[#fields + 1] = "finishedOn"
      fields[#fields + 1] = now
      redis.call("HSET", key, unpack(fields))
    end
    if not completed then
      redis.call("HDEL", key, "defa")
    end
    local group = queue.finished[kind]
    if group and group.keep ~= keep then
      flush_finished(queue, kind, now)
      group = nil
    end
    if not group then
      group = { keep = keep }
      queue.finished[kind] = group
      queue.evicting = queue.evicting or keep.age ~= nil or keep.count ~= nil
    end
    group[#group + 1] = now
    group[#group + 1] = id
    if queue.alone then
      -- What goes for good is told of before the job that drove it out, as with stock.
      flush_finished(queue, kind, now)
    end
  end
  redis.call("XADD", queue.events, "*", "event", kind, "jobId", id, result, value,
    "prev", outcome.unstarted_in or "active")
  if not completed and attempts_made >= outcome.rule.attempts then
    redis.call("XADD", queue.events, "*",
      "event", "retries-exhausted", "jobId", id, "attemptsMade", attempts_made)
  end
end
