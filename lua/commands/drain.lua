-- Removes every job that waits, and the delayed ones when asked, but no armed iteration of a
-- scheduler.
--
-- args    key prefix of the queue, "1" to remove delayed jobs too
--         most jobs to remove (bullrs; all of them when it is left out)
-- reply   nothing; with a number to remove [1 call again or 0, how many were removed]
-- errors  none
-- bullmq  drain-5
-- include clear_list clear_set number_or queue_at
local wait, paused, delayed, prioritized, schedulers = unpack(KEYS)
local prefix, with_delayed, most = unpack(ARGV)

local armed, armed_count = {}, 0
local due = redis.call("ZRANGE", schedulers, 0, -1, "WITHSCORES")
for index = 1, #due, 2 do
  armed["repeat:" .. due[index] .. ":" .. due[index + 1]] = true
  armed_count = armed_count + 1
end

local count = most and math.max(1, math.floor(number_or(most, 1)))
local queue, removed = queue_at(prefix), 0
local function empty(clear, key)
  local left = count and count - removed
  if left ~= 0 then
    removed = removed + clear(queue, key, left, armed, armed_count)
  end
end

empty(clear_list, wait)
empty(clear_list, paused)
if with_delayed == "1" then
  empty(clear_set, delayed)
end
empty(clear_set, prioritized)
if count then
  return { removed < count and 0 or 1, removed }
end
