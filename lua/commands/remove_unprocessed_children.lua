-- Removes the children that a job still waits for, and those below them, but none that a worker holds.
--
-- args    key prefix of the queue, id
-- reply   nothing
-- errors  none
-- bullmq  removeUnprocessedChildren-2
-- include children_of queue_at remove_tree split_job_key
local key, meta = unpack(KEYS)
local prefix, id = unpack(ARGV)

for _, child in ipairs(children_of(key, true)) do
  local child_queue, child_id = split_job_key(child)
  if child_id then
    remove_tree(queue_at(child_queue .. ":"), child_id, key, true, true)
  end
end
