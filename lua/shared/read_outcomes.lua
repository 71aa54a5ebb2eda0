-- Reads the outcomes of a batch out of its arguments, six for each from the one after `before`: kind, id,
-- token, value, options (msgpack map or ""), fields (msgpack array or "").
--
-- returns a list as settle_outcomes takes it, or nil and what is wrong
-- include read_rule unpack_fields
local function read_outcomes(arguments, before, count)
  local outcomes, rules = {}, {}
  for i = 1, count do
    local at = before + 6 * (i - 1)
    local kind, packed = arguments[at + 1], arguments[at + 5]
    if not arguments[at + 6] or kind ~= "completed" and kind ~= "failed" and kind ~= "delayed"
      and kind ~= "retry" and kind ~= "wait"
    then
      return nil, "outcome " .. i .. " is cut short or of an unknown kind"
    end
    -- Most jobs of a batch come with the same options, so these are decoded once; that the rule is one
    -- table is also how finish_job knows which jobs it can keep together.
    local rule = rules[packed]
    if not rule then
      rule = read_rule(packed)
      rules[packed] = rule
    end
    -- What load_outcomes finds has its place from the start, so that the table need not grow.
    outcomes[i] = {
      kind = kind, id = arguments[at + 2], token = arguments[at + 3], value = arguments[at + 4],
      fields = unpack_fields(arguments[at + 6]), rule = rule, key = false, lock = false, code = false,
      attempts_made = false, parent_key = false, deduplication_id = false, at_end = false, removed = false,
    }
  end
  return outcomes
end
