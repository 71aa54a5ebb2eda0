-- Adds many jobs, of one queue or of all the queues of some flows, in their order and in one step.
--
-- Leaves what one adding call for each job would have left, and for flows then one release for each
-- parent. All arguments are decoded before the first job is added. A job that is refused does not
-- stop the others. The keys are P of each queue.
--
-- args    now (ms), then for each job standard|prioritized|delayed|parent, msgpack array of ten
--         (WIRE §4.2), data JSON, msgpack map of options
-- reply   for each job its id, a code, or what Redis raised
-- errors  as codes of the jobs: -5 parent missing, -7 another living parent
-- bullmq  none; state-equal to addStandardJob, addPrioritizedJob, addDelayedJob, addParentJob and
--         releaseParentIfNoPendingDependencies (WIRE §4.2)
-- include queue_at read_new_job insert_job parent_of release_flow_parent
local bases = KEYS
local now = tonumber(ARGV[1])

local queues = {}
for _, base in ipairs(bases) do
  local queue = queue_at(base)
  queue.completed = base .. "completed"
  queue.waiting_children = base .. "waiting-children"
  queues[base] = queue
end
local jobs, kinds = {}, {}
for at = 2, #ARGV, 4 do
  local job = read_new_job(ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
  if not queues[job.prefix] then
    return redis.error_reply("ERR add_jobs: a job is of a queue that is not among the keys")
  end
  jobs[#jobs + 1] = job
  kinds[#kinds + 1] = ARGV[at]
end

local replies, parents, seen = {}, {}, {}
for index, job in ipairs(jobs) do
  local queue = queues[job.prefix]
  local ok, reply = pcall(insert_job, queue, job, job.prefix .. "id", kinds[index])
  if not ok then
    reply = redis.error_reply(type(reply) == "table" and reply.err or "ERR " .. tostring(reply))
  end
  replies[index] = reply
  if job.in_flow and job.parent_key and not seen[job.parent_key] then
    seen[job.parent_key] = true
    parents[#parents + 1] = parent_of(job.parent_key, job.parent)
  end
end
for _, parent in ipairs(parents) do
  release_flow_parent(parent, now)
end
return replies
