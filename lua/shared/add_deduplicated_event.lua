-- Tells in the events which job a deduplication kept, and which one it did not.
--
-- returns nothing
-- include max_events
local function add_deduplicated_event(queue, kept_id, deduplication_id, dropped_id)
  redis.call("XADD", queue.events, "MAXLEN", "~", max_events(queue), "*", "event", "deduplicated",
    "jobId", kept_id, "deduplicationId", deduplication_id, "deduplicatedJobId", dropped_id)
end
