-- Reads one page of a set or hash, walking on from where the last call stopped.
--
-- args    first, last (-1 = all), scan cursor, offset at that cursor, most scans, anything to read jobs
-- reply   [cursor, offset, items (pairs for a hash), size of the collection, job field arrays]
-- errors  none
-- bullmq  paginate-1
local collection = unpack(KEYS)
local first, last, cursor, offset, most_scans, with_jobs = unpack(ARGV)

local kind = redis.call("TYPE", collection).ok
if kind == "none" then
  return { 0, 0, {}, 0 }
end
if kind ~= "hash" and kind ~= "set" then
  return redis.error_reply("ERR cannot page through a " .. kind .. ": only sets and hashes have pages")
end
local scan, step, size_of = "SSCAN", 1, "SCARD"
if kind == "hash" then
  scan, step, size_of = "HSCAN", 2, "HLEN"
end

local size = redis.call(size_of, collection)
first, last, offset = tonumber(first), tonumber(last), tonumber(offset)
if last == -1 then
  last = size
end

local items, jobs = {}, {}
for _ = 1, tonumber(most_scans) do
  local reply = redis.call(scan, collection, cursor, "COUNT", 100)
  cursor = reply[1]
  local members = reply[2]
  for at = 1, #members, step do
    if offset > last then
      break
    end
    if offset >= first then
      local member = members[at]
      items[#items + 1] = step == 2 and { member, members[at + 1] } or member
      if with_jobs then
        jobs[#jobs + 1] = redis.call("HGETALL", member)
      end
    end
    offset = offset + 1
  end
  if cursor == "0" or offset > last then
    break
  end
end
return { cursor, offset, items, size, jobs }
