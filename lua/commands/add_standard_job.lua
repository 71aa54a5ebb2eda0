-- Adds a job that may run at once, or finds the one that stands for it.
--
-- args    msgpack array of ten (WIRE §4.2), data JSON, msgpack map of options
-- reply   the id of the job
-- errors  -5 parent missing, -7 another living parent
-- bullmq  addStandardJob-9
-- include read_new_job insert_job
local wait, paused, meta, counter, completed, delayed, active, events, marker = unpack(KEYS)
local packed, data, packed_options = unpack(ARGV)

local job = read_new_job(packed, data, packed_options)
local queue = {
  prefix = job.prefix, wait = wait, paused = paused, meta = meta, completed = completed,
  delayed = delayed, active = active, events = events, marker = marker,
}
return insert_job(queue, job, counter, "standard")
