-- Reads the events after one of them, and tells whether some in between may be gone.
--
-- args    id of the last event read, most events to read
-- reply   [1 when no event up to that id stands any more, else 0; XRANGE of the events]
-- errors  none
-- bullmq  none; XRANGE
local events = unpack(KEYS)
local after, most = unpack(ARGV)

local found = redis.call("XRANGE", events, "(" .. after, "+", "COUNT", most)
local gap = 0
-- As long as more stand than were found, the rest are either older, or newer than a full read: only the
-- latter takes a second look, which copies an event.
local all = redis.call("XLEN", events) == #found
if #found > 0 and (all or #found == tonumber(most))
  and (all or #redis.call("XREVRANGE", events, after, "-", "COUNT", 1) == 0)
then
  gap = 1
end
return { gap, found }
