-- Adds a job that may run at once in the order of its priority, or finds the one that stands for it.
--
-- args    msgpack array of ten (WIRE §4.2), data JSON, msgpack map of options
-- reply   the id of the job
-- errors  -5 parent missing, -7 another living parent
-- bullmq  addPrioritizedJob-9
-- include read_new_job insert_job
local marker, meta, counter, prioritized, delayed, completed, active, events, pc = unpack(KEYS)
local packed, data, packed_options = unpack(ARGV)

local job = read_new_job(packed, data, packed_options)
local queue = {
  prefix = job.prefix, marker = marker, meta = meta, prioritized = prioritized, delayed = delayed,
  completed = completed, active = active, events = events, pc = pc,
}
return insert_job(queue, job, counter, "prioritized")
