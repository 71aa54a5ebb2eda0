-- Records that a job taken from its state is completed or failed: its parent, its deduplication window,
-- its hash and the events know of it. flush_finished does what can be done for many jobs at once.
--
-- unstarted_in names the state of a job that fails without having been started, and so uses no attempt.
--
-- returns nothing
-- include doom_job flush_finished
local function finish_job(queue, outcome, now)
  local id, key, kind, value = outcome.id, outcome.key, outcome.kind, outcome.value
  local completed = kind == "completed"
  local rule, result = outcome.rule, completed and "returnvalue" or "failedReason"
  if outcome.parent_key or outcome.deduplication_id then
    local tell = queue.tell_relatives
    if not tell then
      -- include tell_relatives
      tell = tell_relatives
      queue.tell_relatives = tell
    end
    tell(queue, outcome, rule.count == 0, now)
  end
  local attempts_made = outcome.attempts_made + (outcome.unstarted_in and 0 or 1)
  if rule.count == 0 then
    -- A completed job has no children (load_outcomes), but for one that its window has kept until now.
    doom_job(queue, key, completed and not outcome.deduplication_id)
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
    if group and group.rule ~= rule then
      flush_finished(queue, kind, now)
      group = nil
    end
    if not group then
      group = { rule = rule }
      queue.finished[kind] = group
      queue.evicting = queue.evicting or rule.age ~= nil or rule.count ~= nil
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
  if not completed and attempts_made >= rule.attempts then
    redis.call("XADD", queue.events, "*",
      "event", "retries-exhausted", "jobId", id, "attemptsMade", attempts_made)
  end
end
