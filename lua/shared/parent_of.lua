-- Reads who the parent of a job is: from the JSON in its `parent` field, else from the parent's key.
--
-- A flag counts when it is set to anything but false and null (cjson gives null as a userdata, which
-- Lua takes for true).
--
-- returns a table: key, id, prefix, on_failure ("fpof", "cpof", "idof", "rdof" or nil); nil where the
-- parent's key makes no sense
local function parent_of(parent_key, parent_json)
  local parent = { key = parent_key }
  local ok, described = pcall(cjson.decode, parent_json or "")
  if not ok or type(described) ~= "table" then
    described = {}
  end
  if type(described.id) == "string" and type(described.queueKey) == "string" then
    parent.id = described.id
    parent.prefix = described.queueKey .. ":"
  else
    -- include split_job_key
    local queue_key, id = split_job_key(parent_key)
    if not id then
      return nil
    end
    parent.id = id
    parent.prefix = queue_key .. ":"
  end
  for _, flag in ipairs({ "fpof", "cpof", "idof", "rdof" }) do
    if described[flag] and described[flag] ~= cjson.null then
      parent.on_failure = flag
      break
    end
  end
  return parent
end
