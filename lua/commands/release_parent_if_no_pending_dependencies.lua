-- Lets the parent of a flow go on when all its children had finished before the flow was inserted.
--
-- args    parent's queue key (without colon), parent id, now (ms)
-- reply   nothing
-- errors  none
-- bullmq  releaseParentIfNoPendingDependencies-2
-- include queue_at release_parent_if_idle
local parent_key, dependencies = unpack(KEYS)
local queue_key, id, now = unpack(ARGV)

-- A child that could not be attached (-7): the parent waits for it in vain rather than run without.
if redis.call("HDEL", parent_key, "flowAttachmentFailed") == 1 then
  return
end
local prefix = queue_key .. ":"
local parent = { key = parent_key, id = id, prefix = prefix }
release_parent_if_idle(queue_at(prefix), parent, tonumber(now))
