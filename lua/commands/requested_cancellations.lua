-- Lists the jobs that were asked to be cancelled, and forgets the requests that have no object any more:
-- their job has ended, is gone, or is another one of the same id.
--
-- args    P, cursor ("0" at first)
-- reply   [next cursor ("0" at the end), [id, reason, "1" while it stands in `active`, else "0"] for each]
-- errors  none
-- bullmq  none; stock has no such requests
local requests, active, completed, failed = unpack(KEYS)
local prefix, cursor = unpack(ARGV)

local page = redis.call("HSCAN", requests, cursor, "COUNT", "100")
local standing = {}
for i = 1, #page[2], 2 do
  local id = page[2][i]
  local ok, request = pcall(cmsgpack.unpack, page[2][i + 1])
  local timestamp = redis.pcall("HGET", prefix .. id, "timestamp")
  if ok and type(request) == "table" and type(timestamp) == "string" and timestamp == request[1]
    and not redis.call("ZSCORE", completed, id) and not redis.call("ZSCORE", failed, id)
  then
    standing[#standing + 1] = { id, tostring(request[2]), redis.call("LPOS", active, id) and "1" or "0" }
  else
    redis.call("HDEL", requests, id)
  end
end
return { page[1], standing }
