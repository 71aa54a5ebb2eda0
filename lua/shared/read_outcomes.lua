-- Reads the outcomes of a batch out of its arguments, six for each from the one after `before`: kind, id,
-- token, value, options (msgpack map or ""), fields (msgpack array or "").
--
-- returns a list as settle_outcomes takes it, or nil and what is wrong
-- include number_or unpack_map unpack_fields read_keep
local function read_outcomes(arguments, before, count)
  local outcomes, read = {}, {}
  local kinds = { completed = true, failed = true, delayed = true, retry = true, wait = true }
  for i = 1, count do
    local at = before + 6 * (i - 1)
    local kind, packed = arguments[at + 1], arguments[at + 5]
    if not kinds[kind] or not arguments[at + 6] then
      return nil, "outcome " .. i .. " is cut short or of an unknown kind"
    end
    -- Most jobs of a batch come with the same options, so these are decoded once; that the rule is one
    -- table is also how finish_job knows which jobs it can keep together.
    local options = read[packed]
    if not options then
      local map = unpack_map(packed)
      options = {
        keep = read_keep(map.keepJobs),
        attempts = number_or(map.attempts, 0),
        skip_attempt = number_or(map.skipAttempt, 0) == 1 or map.skipAttempt == true,
      }
      read[packed] = options
    end
    outcomes[i] = {
      kind = kind, id = arguments[at + 2], token = arguments[at + 3], value = arguments[at + 4],
      fields = unpack_fields(arguments[at + 6]), keep = options.keep, attempts = options.attempts,
      skip_attempt = options.skip_attempt,
    }
  end
  return outcomes
end
