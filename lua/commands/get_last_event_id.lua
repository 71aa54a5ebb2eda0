-- Finds the id of the newest event, which may be gone.
--
-- args    none
-- reply   the id, 0-0 when there was no event yet
-- errors  none
-- bullmq  none; XINFO STREAM
local events = unpack(KEYS)

if redis.call("EXISTS", events) == 0 then
  return "0-0"
end
local facts = redis.call("XINFO", "STREAM", events)
for i = 1, #facts - 1, 2 do
  if facts[i] == "last-generated-id" then
    return facts[i + 1]
  end
end
return "0-0"
