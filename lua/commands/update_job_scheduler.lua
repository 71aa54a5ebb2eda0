-- Arms the next iteration of a scheduler, when asked by the job that is its armed iteration.
--
-- args    slot of a cron pattern (ms; "" with an interval), scheduler id, data JSON of the asking job
--         msgpack options of the iteration, now, key prefix of the queue, id of the asking job
-- reply   the id of the armed iteration; nothing when there is none to arm
-- errors  none
-- bullmq  updateJobScheduler-12
-- include arm_scheduler every_slot iteration_id max_events number_or
local schedulers, delayed, wait, paused, meta, prioritized, marker, counter, events, pc, producer, active = unpack(KEYS)
local cron_slot, id, producer_data, packed_options, time, prefix, producer_id = unpack(ARGV)

local previous = number_or(redis.call("ZSCORE", schedulers, id), nil)
-- Any other job of the scheduler is a late or repeated run; its successor is armed already.
if not previous or producer_id ~= iteration_id(id, previous) then
  return
end
local scheduler = schedulers .. ":" .. id
local found = redis.call("HMGET", scheduler, "name", "every", "offset", "data", "ic")
local name, every, offset, data, iterations = unpack(found)
if not name then
  return
end

local now = tonumber(time)
local options = cmsgpack.unpack(packed_options)
local repeated = type(options["repeat"]) == "table" and options["repeat"] or {}
local slot = number_or(cron_slot, nil)
every = number_or(every or repeated.every, 0)
if every ~= 0 then
  slot = every_slot(previous, every, now, number_or(offset or repeated.offset, 0))
end
if not slot then
  return
end

local queue = {
  prefix = prefix, delayed = delayed, wait = wait, paused = paused, meta = meta,
  prioritized = prioritized, marker = marker, events = events, pc = pc, active = active,
}
local next_id = iteration_id(id, slot)
if redis.call("EXISTS", prefix .. next_id) == 1 then
  redis.call("XADD", events, "MAXLEN", "~", max_events(queue), "*",
    "event", "duplicated", "jobId", next_id)
  return
end

-- It raises, if it must, before anything is written. Clients send a delay of NaN with an interval.
options.delay = nil
cjson.encode(options)
-- A repeatable job of 5.x, which counts no iterations, has its data in its jobs only. That of any other
-- may have been changed for one run.
if not data and not iterations and producer_data ~= "" and producer_data ~= "{}" then
  data = producer_data
  redis.call("HSET", scheduler, "data", data)
end
redis.call("HINCRBY", scheduler, "ic", 1)
local iteration = {
  scheduler_id = id, slot = slot, name = name, data = data or "{}", options = options,
}
return (arm_scheduler(queue, schedulers, counter, iteration, now))
