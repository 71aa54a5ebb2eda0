-- Makes the job for the next slot of a scheduler and registers it as the armed iteration.
--
-- iteration: scheduler_id, slot, name, data, options (decoded).
--
-- returns the id of the job, and its delay in ms
-- include iteration_id number_or place_job store_job
local function arm_scheduler(queue, schedulers, counter, iteration, now)
  local options = iteration.options
  local id = iteration_id(iteration.scheduler_id, iteration.slot)
  local delay = math.max(0, iteration.slot - now)
  options.delay, options.jobId = delay, id

  redis.call("ZADD", schedulers, iteration.slot, iteration.scheduler_id)
  redis.call("INCR", counter)
  store_job(queue, {
    id = id, key = queue.prefix .. id, name = iteration.name, data = iteration.data,
    opts = cjson.encode(options), timestamp = now, delay = delay, priority = options.priority or 0,
    repeat_key = iteration.scheduler_id, deduplication_id = options.de and options.de.id,
  })
  place_job(queue, id, now, delay, number_or(options.priority, 0), options.lifo)
  return id, delay
end
