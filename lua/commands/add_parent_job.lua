-- Adds a job that may run once its children have finished, or finds the one that stands for it.
--
-- args    msgpack array of ten (WIRE §4.2), data JSON, msgpack map of options
-- reply   the id of the job
-- errors  -5 parent missing, -7 another living parent
-- bullmq  addParentJob-6
-- include read_new_job insert_job
local meta, counter, delayed, waiting_children, completed, events = unpack(KEYS)
local packed, data, packed_options = unpack(ARGV)

local job = read_new_job(packed, data, packed_options)
local queue = {
  prefix = job.prefix, meta = meta, delayed = delayed, completed = completed, events = events,
  active = job.prefix .. "active", waiting_children = waiting_children,
}
return insert_job(queue, job, counter, "parent")
