-- Reads what becomes of a job that finishes: its keepJobs rule, and how many attempts it has.
--
-- returns a table: count of the finished jobs that stay (0 keeps none, nil has no bound), age (s, or nil),
-- limit (of removals by age), attempts
-- include number_or
local function read_keep(keep_jobs, attempts)
  -- Attempts are only ever compared, so they may be as many as JavaScript's numbers are.
  local rule = { count = nil, age = nil, limit = 1000, attempts = tonumber(attempts) or 0 }
  if type(keep_jobs) == "table" then
    local count, limit = number_or(keep_jobs.count, nil), number_or(keep_jobs.limit, nil)
    if count and count >= 0 then
      rule.count = math.floor(count)
    end
    if limit and limit >= 1 then
      rule.limit = math.floor(limit)
    end
    rule.age = number_or(keep_jobs.age, nil)
  end
  return rule
end
