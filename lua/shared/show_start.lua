-- Writes the start of a job into its flat hash, as it stands in Redis after activate_job.
--
-- returns nothing
local function show_start(fields, now, starts, name)
  local started = { processedOn = now, ats = starts, pb = name }
  for i = 1, #fields, 2 do
    local value = started[fields[i]]
    if value then
      fields[i + 1] = value
      started[fields[i]] = nil
    end
  end
  for _, field in ipairs({ "processedOn", "ats", "pb" }) do
    if started[field] then
      fields[#fields + 1] = field
      fields[#fields + 1] = started[field]
    end
  end
end
