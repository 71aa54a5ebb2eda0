-- Lets the parent of a flow go on when all its children had finished before the flow was inserted.
--
-- args    parent's queue key (without colon), parent id, now (ms)
-- reply   nothing
-- errors  none
-- bullmq  releaseParentIfNoPendingDependencies-2
-- include release_flow_parent
local parent_key, dependencies = unpack(KEYS)
local queue_key, id, now = unpack(ARGV)

local parent = { key = parent_key, id = id, prefix = queue_key .. ":" }
release_flow_parent(parent, tonumber(now))
