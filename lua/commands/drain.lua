-- Removes every job that waits, and the delayed ones when asked, but no armed iteration of a
-- scheduler.
--
-- args    key prefix of the queue, "1" to remove delayed jobs too
-- reply   nothing
-- errors  none
-- bullmq  drain-5
-- include clear_list clear_set queue_at
local wait, paused, delayed, prioritized, schedulers = unpack(KEYS)
local prefix, with_delayed = unpack(ARGV)

local armed = {}
local due = redis.call("ZRANGE", schedulers, 0, -1, "WITHSCORES")
for index = 1, #due, 2 do
  armed["repeat:" .. due[index] .. ":" .. due[index + 1]] = true
end

local queue = queue_at(prefix)
clear_list(queue, wait, nil, armed)
clear_list(queue, paused, nil, armed)
if with_delayed == "1" then
  clear_set(queue, delayed, nil, armed)
end
clear_set(queue, prioritized, nil, armed)
