-- Appends a row to the log of a job, which keeps the newest rows only where keep is given.
--
-- args    id, row, keep or ""
-- reply   how many rows there are then
-- errors  -1 no job
-- bullmq  addLog-2
-- include number_or
local job, logs = unpack(KEYS)
local id, row, keep_text = unpack(ARGV)

if redis.call("EXISTS", job) == 0 then
  return -1
end
local rows = redis.call("RPUSH", logs, row)
local keep = math.floor(number_or(keep_text, -1))
if keep < 0 or keep >= rows then
  return rows
elseif keep == 0 then
  -- LTRIM knows no range that keeps nothing of the newest end.
  redis.call("DEL", logs)
else
  redis.call("LTRIM", logs, -keep, "-1")
end
return keep
