-- Makes a job ready to run: by its priority, or pushed with LPUSH (last) or RPUSH (next) when it has
-- none; wakes a worker.
--
-- returns nothing
-- include push_target add_base_marker
local function enqueue(queue, id, priority, push)
  if priority == 0 then
    redis.call(push, push_target(queue), id)
  else
    -- include priority_score
    redis.call("ZADD", queue.prioritized, priority_score(queue, priority), id)
  end
  add_base_marker(queue)
end
