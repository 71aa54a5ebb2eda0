-- Reads a page of jobs of each state asked for, passing over ids that have no hash.
--
-- args    first index, last index, "1" for ascending, most slices to read per state, states ...
-- reply   per state an array of [id, flat field and value array]
-- errors  none
-- bullmq  getJobs-1
-- include state_page waiting_length
local prefix = unpack(KEYS)
local first, last, ascending, most_slices = unpack(ARGV)

first, last, most_slices = tonumber(first), tonumber(last), tonumber(most_slices)
ascending = ascending == "1"
-- A range with an end that counts from the tail is read as it is; only a page of known size is refilled.
local wanted = math.huge
if first >= 0 and last >= 0 then
  wanted = last - first + 1
else
  most_slices = 1
end

local function jobs_of(state)
  local key = prefix .. state
  local waiting = state == "wait" or state == "paused"
  local is_list = waiting or state == "active"
  if waiting and waiting_length(key) == 0 then
    return {}
  end

  local jobs = {}
  local from, to = first, last
  for _ = 1, most_slices do
    local ids = state_page(key, is_list, from, to, ascending)
    local backwards = is_list and ascending
    for step = 1, #ids do
      local id = ids[backwards and #ids + 1 - step or step]
      local fields = redis.call("HGETALL", prefix .. id)
      if #fields > 0 then
        jobs[#jobs + 1] = { id, fields }
      end
      if #jobs >= wanted then
        return jobs
      end
    end
    if #ids == 0 then
      break
    end
    from, to = from + #ids, to + #ids
  end
  return jobs
end

local pages = {}
for index = 5, #ARGV do
  pages[#pages + 1] = jobs_of(ARGV[index])
end
return pages
