-- Puts an active job into `waiting-children`, as long as one of its children is pending.
--
-- args    token, child key or "" (any child), now (ms), id, P
-- reply   0 moved, 1 nothing pending
-- errors  -1 no job, -2 no lock, -3 not active, -6 another token, -9 failed children
-- bullmq  moveToWaitingChildren-7
-- include release_lock
local active, waiting_children, job, dependencies, unsuccessful, stalled, events = unpack(KEYS)
local token, child, now, id, prefix = unpack(ARGV)

if redis.call("EXISTS", job) == 0 then
  return -1
elseif redis.call("EXISTS", unsuccessful) == 1 then
  return -9
end
local pending
if child ~= "" then
  pending = redis.call("SISMEMBER", dependencies, child)
else
  pending = redis.call("EXISTS", dependencies)
end
if pending == 0 then
  return 1
end
local code = release_lock(job, stalled, id, token)
if code ~= 0 then
  return code
elseif redis.call("LREM", active, "-1", id) == 0 then
  return -3
end
redis.call("ZADD", waiting_children, now, id)
redis.call("XADD", events, "*", "event", "waiting-children", "jobId", id, "prev", "active")
return 0
