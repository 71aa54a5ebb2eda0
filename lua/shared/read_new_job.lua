-- Decodes the packed arguments that all adding scripts share (WIRE §4.2).
--
-- returns a job as store_job takes it, with options (the decoded opts), custom_id, parent_dependencies,
-- window (its deduplication key), rule (its deduplication rule) and in_flow; id and key are still open
local function read_new_job(packed, data, packed_options)
  local head = cmsgpack.unpack(packed)
  local options = cmsgpack.unpack(packed_options)
  local rule = type(options.de) == "table" and options.de or nil
  local job = {
    prefix = head[1],
    custom_id = head[2],
    name = head[3],
    timestamp = head[4],
    parent_key = head[5],
    parent_dependencies = head[6],
    parent = head[7] and cjson.encode(head[7]),
    repeat_key = head[8],
    window = head[9],
    in_flow = head[10],
    data = data,
    options = options,
    opts = cjson.encode(options),
    -- As text: Lua would write a number out anew for each command.
    delay = options.delay or "0",
    priority = options.priority or "0",
    rule = rule,
    deduplication_id = rule and rule.id,
  }
  return job
end
