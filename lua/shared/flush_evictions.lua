-- Flushes the finished jobs noted so far where that may drive out others, and so let a parent go on: not
-- after what a later job does to the same lists.
--
-- returns nothing
-- include flush_finished
local function flush_evictions(queue, now)
  if queue.evicting then
    flush_finished(queue, "completed", now)
    flush_finished(queue, "failed", now)
    queue.evicting = false
  end
end
