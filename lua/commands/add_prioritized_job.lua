-- Adds a job that may run at once in the order of its priority, or finds the one that stands for it.
--
-- args    msgpack array of ten (WIRE §4.2), data JSON, msgpack map of options
-- reply   the id of the job
-- errors  -5 parent missing, -7 another living parent
-- bullmq  addPrioritizedJob-9
-- include number_or read_new_job admit_job reschedule_deduplicated priority_score add_base_marker max_events
local marker, meta, counter, prioritized, delayed, completed, active, events, pc = unpack(KEYS)
local packed, data, packed_options = unpack(ARGV)

local job = read_new_job(packed, data, packed_options)
local queue = {
  prefix = job.prefix, marker = marker, meta = meta, prioritized = prioritized, delayed = delayed,
  completed = completed, active = active, events = events, pc = pc,
}
local reply, kept = admit_job(queue, job, counter, true)
if reply then
  reschedule_deduplicated(queue, job, kept)
  return reply
end
redis.call("ZADD", prioritized, priority_score(queue, number_or(job.priority, 0)), job.id)
add_base_marker(queue)
redis.call("XADD", events, "MAXLEN", "~", max_events(queue), "*",
  "event", "waiting", "jobId", job.id)
if job.parent_dependencies then
  redis.call("SADD", job.parent_dependencies, job.key)
end
return job.id
