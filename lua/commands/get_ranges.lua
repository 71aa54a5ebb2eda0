-- Reads a page of ids of each state asked for; ascending pages of lists come back oldest last.
--
-- args    first index, last index, "1" for ascending, states ...
-- reply   an array of ids per state, in the order asked
-- errors  none
-- bullmq  getRanges-1
-- include state_page waiting_length
local prefix = unpack(KEYS)
local first, last, ascending = unpack(ARGV)

first, last = tonumber(first), tonumber(last)
local pages = {}
for index = 4, #ARGV do
  local state = ARGV[index]
  local key = prefix .. state
  local waiting = state == "wait" or state == "paused"
  if waiting and waiting_length(key) == 0 then
    pages[#pages + 1] = {}
  else
    pages[#pages + 1] = state_page(key, waiting or state == "active", first, last, ascending == "1")
  end
end
return pages
