-- Adds a job that may run after a delay, or finds the one that stands for it.
--
-- args    msgpack array of ten (WIRE §4.2), data JSON, msgpack map of options
-- reply   the id of the job
-- errors  -5 parent missing, -7 another living parent
-- bullmq  addDelayedJob-6
-- include read_new_job insert_job
local marker, meta, counter, delayed, completed, events = unpack(KEYS)
local packed, data, packed_options = unpack(ARGV)

local job = read_new_job(packed, data, packed_options)
local queue = {
  prefix = job.prefix, marker = marker, meta = meta, delayed = delayed, completed = completed,
  events = events, active = job.prefix .. "active",
}
return insert_job(queue, job, counter, "delayed")
