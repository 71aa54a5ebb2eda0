-- Lists some of the keys that a pattern fits, on the server that has the queue.
--
-- args    where to go on (0 to begin), pattern, about how many keys to look at
-- reply   [where to go on (0: the end), keys]
-- errors  none
-- bullmq  none; as a client's SCAN, which a cluster would send to any server
local _ = unpack(KEYS)
local cursor, pattern, about = unpack(ARGV)

return redis.call("SCAN", cursor, "MATCH", pattern, "COUNT", about)
