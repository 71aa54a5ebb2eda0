-- Finds how a job ended in the newest events: for a job that is removed as it finishes.
--
-- args    id, most events to look at, most bytes of them to look at (about)
-- reply   [1, returnvalue] completed, [2, failedReason] failed, [0, ""] not among them
-- errors  none
-- bullmq  none; XREVRANGE
local events = unpack(KEYS)
local id, most, most_bytes = unpack(ARGV)

local last, left, bytes_left = "+", tonumber(most), tonumber(most_bytes)
while left > 0 and bytes_left > 0 do
  local page = redis.call("XREVRANGE", events, last, "-", "COUNT", math.min(left, 20))
  if #page == 0 then
    break
  end
  for i = 1, #page do
    local event, flat = {}, page[i][2]
    for field = 1, #flat, 2 do
      event[flat[field]] = flat[field + 1]
      bytes_left = bytes_left - #flat[field + 1]
    end
    if event.jobId == id and event.event == "completed" then
      return { 1, event.returnvalue or "" }
    elseif event.jobId == id and event.event == "failed" then
      return { 2, event.failedReason or "" }
    end
  end
  left = left - #page
  last = "(" .. page[#page][1]
end
return { 0, "" }
