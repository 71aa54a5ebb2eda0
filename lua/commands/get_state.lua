-- Tells in which state a job is, also on a Redis without LPOS.
--
-- args    id
-- reply   completed, failed, delayed, prioritized, active, waiting, waiting-children or unknown
-- errors  none
-- bullmq  getState-8
-- include in_list
local completed, failed, delayed, active, wait, paused, waiting_children, prioritized = unpack(KEYS)
local id = unpack(ARGV)

if redis.call("ZSCORE", completed, id) then
  return "completed"
elseif redis.call("ZSCORE", failed, id) then
  return "failed"
elseif redis.call("ZSCORE", delayed, id) then
  return "delayed"
elseif redis.call("ZSCORE", prioritized, id) then
  return "prioritized"
elseif in_list(active, id) then
  return "active"
elseif in_list(wait, id) or in_list(paused, id) then
  return "waiting"
elseif redis.call("ZSCORE", waiting_children, id) then
  return "waiting-children"
end
return "unknown"
