-- Judges the value of a job's lock against the token of a worker.
--
-- returns 0, -2 when there is no lock, or -6 when another token holds it; token "0" asks for no lock
local function lock_code(held, token)
  if held == token or token == "0" then
    return 0
  end
  return held and -6 or -2
end
