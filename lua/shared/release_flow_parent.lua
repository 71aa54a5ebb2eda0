-- Lets the parent of a flow go on when all its children had finished before the flow was inserted.
--
-- parent: key, id, prefix (parent_of).
--
-- returns nothing
-- include queue_at release_parent_if_idle
local function release_flow_parent(parent, now)
  -- A child that could not be attached (-7): the parent waits for it in vain rather than run without.
  if redis.call("HDEL", parent.key, "flowAttachmentFailed") == 1 then
    return
  end
  release_parent_if_idle(queue_at(parent.prefix), parent, now)
end
