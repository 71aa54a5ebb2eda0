-- Looks for a worker that holds a job or, when asked, any job below it that its ancestors wait for.
--
-- returns true or false
local function tree_locked(key, with_children)
  local keys, seen = { key }, { [key] = true }
  local at = 1
  while keys[at] do
    if redis.call("EXISTS", keys[at] .. ":lock") == 1 then
      return true
    end
    local children = with_children and redis.call("SMEMBERS", keys[at] .. ":dependencies") or {}
    for _, child in ipairs(children) do
      if not seen[child] then
        seen[child] = true
        keys[#keys + 1] = child
      end
    end
    at = at + 1
  end
  return false
end
