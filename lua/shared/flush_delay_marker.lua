-- Sets the delay marker where delay_job has left it to be set.
--
-- returns nothing
-- include add_delay_marker
local function flush_delay_marker(queue)
  if queue.unmarked then
    add_delay_marker(queue)
    queue.unmarked = false
  end
end
