-- Hands out up to wanted ready jobs, within the rate limit and the global concurrency.
--
-- options: token, lockDuration, limiter {max, duration}, name, room (as a worker packs them). Job i, from
-- 0, is locked with `<token>:<first + i>`, or with the token itself where first is nil.
--
-- returns a list of { id, token, flat hash }, the ms until the rate limit ends (0 when it does not hold),
-- whether the pause or the global concurrency stopped it, and whether jobs were passed over for want of
-- room under their name
-- include number_or settings_of paused_or_maxed promote_delayed rate_limit_ttl pop_ready pop_named
-- include activate_job
local function claim_jobs(queue, now, options, wanted, first)
  local claims, passed = {}, false
  local room_of = type(options.room) == "table" and options.room
  promote_delayed(queue, now)
  local settings = settings_of(queue)
  local limiter = type(options.limiter) == "table" and options.limiter or {}
  local max = number_or(settings.max, nil) or number_or(limiter.max, nil)
  local window = number_or(limiter.duration, nil) or number_or(settings.duration, nil)
  if not window then
    -- A max without a duration would count jobs into a window that never ends (WIRE §1.4).
    max = nil
  end
  local lock_duration = math.floor(number_or(options.lockDuration, 30000))
  local name = options.name and tostring(options.name)
  local concurrency = number_or(settings.concurrency, nil)
  while #claims < wanted do
    local room = wanted - #claims
    if max then
      local ttl, left = rate_limit_ttl(queue.limiter, max)
      if ttl > 0 then
        return claims, ttl, false, passed
      elseif left <= 0 and not paused_or_maxed(queue) then
        -- Left without an end, as by a stock worker with a max but no duration, it would never count anew.
        redis.call("DEL", queue.limiter)
        left = max
      end
      room = math.max(1, math.min(room, math.ceil(left)))
    end
    if paused_or_maxed(queue) then
      return claims, 0, true, passed
    end
    if concurrency then
      room = math.max(1, math.min(room, math.ceil(concurrency - redis.call("LLEN", queue.active))))
    end
    local ids, more
    if room_of then
      ids, passed = pop_named(queue, room, room_of)
    else
      ids, more = pop_ready(queue, room)
    end
    local counted = 0
    for i = 1, #ids do
      local token = first and options.token .. ":" .. first + #claims or options.token
      local fields, deferred = activate_job(queue, ids[i], now, token, lock_duration, name)
      claims[#claims + 1] = { ids[i], token, fields }
      if not deferred then
        counted = counted + 1
      end
    end
    if max and counted > 0 and redis.pcall("INCRBY", queue.limiter, counted) == counted then
      redis.call("PEXPIRE", queue.limiter, math.floor(math.abs(window)))
    end
    if #ids > 0 then
      redis.call("ZADD", queue.marker, "0", "0")
    end
    if #ids < room and not more then
      break
    end
  end
  return claims, 0, false, passed
end
