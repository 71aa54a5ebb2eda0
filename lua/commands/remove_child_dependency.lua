-- Cuts the tie between a pending child and its parent, which may thereby be free to run.
--
-- args    job key of the child, job key of the parent
-- reply   0 cut, 1 the parent does not wait for that child
-- errors  -1 no child, -5 no parent
-- bullmq  removeChildDependency-1
-- include drop_from_parent queue_at
local prefix = unpack(KEYS)
local child, parent = unpack(ARGV)

if redis.call("EXISTS", child) == 0 then
  return -1
end
if redis.call("EXISTS", parent) == 0 then
  return -5
end
if not drop_from_parent(queue_at(prefix), child, false, parent) then
  return 1
end
redis.call("HDEL", child, "parentKey", "parent")
return 0
