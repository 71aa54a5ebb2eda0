-- Registers a scheduler or changes it, with its next iteration armed and the one before taken back.
--
-- args    slot of a cron pattern (ms), msgpack definition, scheduler id, template data JSON
--         msgpack template options, msgpack options of the iteration, now, key prefix, producer key
-- reply   [job id, delay ms] of the armed iteration
-- errors  -10 the slot of the pattern is taken, -11 the next 32 slots are
-- bullmq  addJobScheduler-11
-- include arm_scheduler every_slot iteration_id number_or remove_job store_scheduler
local schedulers, delayed, wait, paused, meta, prioritized, marker, counter, events, pc, active = unpack(KEYS)
local cron_slot, packed_definition, id, data, packed_template, packed_options, time, prefix = unpack(ARGV)

local queue = {
  prefix = prefix, delayed = delayed, wait = wait, paused = paused, meta = meta,
  prioritized = prioritized, marker = marker, events = events, pc = pc, active = active,
}
local now = tonumber(time)
local definition = cmsgpack.unpack(packed_definition)
local options = cmsgpack.unpack(packed_options)
local template = cjson.encode(cmsgpack.unpack(packed_template))
local every = definition.every and number_or(definition.every, nil)
local slot = number_or(cron_slot, nil)

-- What Redis would refuse has to be refused here, while the iteration armed before still stands.
-- The delay is set below, and clients send NaN with an interval.
options.delay = nil
cjson.encode(options)
for field, value in pairs(definition) do
  if value == true or type(value) == "table" then
    return redis.error_reply("ERR " .. field .. " of a scheduler must be a number or a text")
  end
end
if not definition.name or not (slot or every) or every == 0 then
  return redis.error_reply("ERR a scheduler needs a name, and a next time or an interval")
end

local scheduler = schedulers .. ":" .. id
local previous = number_or(redis.call("ZSCORE", schedulers, id), nil)
local repeated = type(options["repeat"]) == "table" and options["repeat"] or {}
local offset = number_or(definition.offset or repeated.offset, 0)
local same_interval = false
if every then
  same_interval = previous and number_or(redis.call("HGET", scheduler, "every"), nil) == every
  slot, offset = every_slot(same_interval and previous or nil, every, now, offset,
    number_or(definition.startDate, nil))
end

local function take_back(armed)
  if redis.call("EXISTS", prefix .. armed) == 0 then
    return false
  end
  local waits = redis.call("ZREM", delayed, armed) == 1
    or redis.call("ZREM", prioritized, armed) == 1
    or redis.call("LREM", wait, 1, armed) == 1
    or redis.call("LREM", paused, 1, armed) == 1
  if waits then
    remove_job(queue, armed, true)
  end
  return waits
end

local replaces = previous and take_back(iteration_id(id, previous))
if not replaces then
  definition.offset = offset
elseif same_interval then
  slot = previous
end

local function has_finished(job)
  return redis.call("ZSCORE", prefix .. "completed", job) or redis.call("ZSCORE", prefix .. "failed", job)
end

local function is_taken()
  return redis.call("EXISTS", prefix .. iteration_id(id, slot)) == 1
end
-- Finished jobs of an earlier scheduler of this id may sit on the next slots.
for _ = 1, every and 32 or 0 do
  if not is_taken() then
    break
  end
  slot = slot + every
end
if is_taken() then
  if not replaces then
    return every and -11 or -10
  end
  -- A job that still runs there gives its id up. One that has finished would be in two states at once, and
  -- an interval is out of slots: then the one that has just been cleared is free for sure.
  if every or has_finished(iteration_id(id, slot)) then
    slot = previous
  end
end

store_scheduler(scheduler, definition, template, data)
local iteration = {
  scheduler_id = id, slot = slot, name = definition.name, data = data, options = options,
}
return { arm_scheduler(queue, schedulers, counter, iteration, now) }
