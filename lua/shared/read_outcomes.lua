-- Reads the outcomes of a batch out of its arguments, from the one at `at` on, in groups of one kind and
-- rule: kind (completed, failed, delayed, retry, wait), rule, how many; then for each id, token, value
-- (result JSON | reason | delay ms | LPUSH or RPUSH | ""), and for kinds other than completed msgpack
-- array of fields or "".
--
-- A rule is how many completed jobs to keep (-1 all), or a msgpack map {keepJobs, attempts |
-- skipAttempt}, or "".
--
-- returns a list as settle_outcomes takes it, or nil and what is wrong
-- include read_rule
local function read_outcomes(arguments, at)
  local outcomes, n, rules = {}, 0, {}
  while arguments[at] do
    local kind, packed, count = arguments[at], arguments[at + 1], tonumber(arguments[at + 2])
    local width = kind == "completed" and 3 or 4
    if not count or not arguments[at + 2 + width * count] or width == 4 and kind ~= "failed"
      and kind ~= "delayed" and kind ~= "retry" and kind ~= "wait"
    then
      return nil, "the group after outcome " .. n .. " is cut short or of an unknown kind"
    end
    -- Groups mostly have the same options; that the rule is one table is also how finish_job knows which
    -- jobs it can keep together.
    local rule = rules[packed]
    if not rule then
      rule = read_rule(packed)
      rules[packed] = rule
    end
    at = at + 3
    for _ = 1, count do
      local fields
      if width == 4 and arguments[at + 3] ~= "" then
        -- include unpack_fields
        fields = unpack_fields(arguments[at + 3])
      end
      n = n + 1
      -- What load_outcomes finds has its place from the start, so that the table need not grow.
      outcomes[n] = {
        kind = kind, id = arguments[at], token = arguments[at + 1], value = arguments[at + 2],
        fields = fields, rule = rule, key = false, lock = false, code = false, attempts_made = false,
        parent_key = false, deduplication_id = false, at_end = false, removed = false,
      }
      at = at + width
    end
  end
  return outcomes
end
