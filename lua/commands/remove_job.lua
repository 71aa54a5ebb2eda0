-- Removes a job from the queue, and its children when asked, unless a worker holds one of them.
--
-- args    id, "1" to remove its children too, key prefix of the queue
-- reply   1 removed, 0 a worker holds it or a child of it
-- errors  -8 the armed iteration of a scheduler
-- bullmq  removeJob-2
-- include is_armed queue_at remove_tree tree_locked
local key, schedulers = unpack(KEYS)
local id, with_children, prefix = unpack(ARGV)

local queue = queue_at(prefix)
if is_armed(queue, id) then
  return -8
end
with_children = with_children == "1"
if tree_locked(key, with_children) then
  return 0
end
remove_tree(queue, id, nil, with_children, false)
return 1
