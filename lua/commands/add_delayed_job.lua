-- Adds a job that may run after a delay, or finds the one that stands for it.
--
-- args    msgpack array of ten (WIRE §4.2), data JSON, msgpack map of options
-- reply   the id of the job
-- errors  -5 parent missing, -7 another living parent
-- bullmq  addDelayedJob-6
-- include number_or read_new_job admit_job reschedule_deduplicated add_delayed add_delay_marker
local marker, meta, counter, delayed, completed, events = unpack(KEYS)
local packed, data, packed_options = unpack(ARGV)

local job = read_new_job(packed, data, packed_options)
local queue = {
  prefix = job.prefix, marker = marker, meta = meta, delayed = delayed, completed = completed,
  events = events, active = job.prefix .. "active",
}
local reply, kept = admit_job(queue, job, counter, true)
if reply then
  reschedule_deduplicated(queue, job, kept)
  return reply
end
add_delayed(queue, job.id, job.timestamp, number_or(job.delay, 0))
add_delay_marker(queue)
if job.parent_dependencies then
  redis.call("SADD", job.parent_dependencies, job.key)
end
return job.id
