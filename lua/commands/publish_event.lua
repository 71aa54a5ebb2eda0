-- Appends an event to the queue's stream.
--
-- args    most events to keep (about) or "" for the queue's own limit, then fields and values
-- reply   the event's id
-- errors  none
-- bullmq  none; state-equal to QueueEventsProducer.publishEvent
-- include max_events
local events, meta = unpack(KEYS)
local most = unpack(ARGV, 1, 1)

if most == "" then
  most = max_events({ meta = meta })
end
return redis.call("XADD", events, "MAXLEN", "~", most, "*", unpack(ARGV, 2, #ARGV))
