-- Tells whether an id is in a list, also on a Redis without LPOS.
--
-- args    id
-- reply   1 or nil
-- errors  none
-- bullmq  isJobInList-1
-- include in_list
local list = unpack(KEYS)
local id = unpack(ARGV)

return in_list(list, id)
