-- Names the keys of the queue whose keys start with prefix (with its trailing colon).
--
-- returns a queue table as every shared routine takes it (lua/README.md)
local function queue_at(prefix)
  return {
    prefix = prefix,
    wait = prefix .. "wait",
    paused = prefix .. "paused",
    active = prefix .. "active",
    prioritized = prefix .. "prioritized",
    pc = prefix .. "pc",
    delayed = prefix .. "delayed",
    marker = prefix .. "marker",
    meta = prefix .. "meta",
    events = prefix .. "events",
  }
end
