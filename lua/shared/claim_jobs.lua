-- Hands out up to wanted ready jobs, within the rate limit and the global concurrency.
--
-- options: token, lockDuration, limiter {max, duration}, name, room (as a worker packs them). Job i, from
-- 0, is locked with `<token>:<first + i>`. Where first is nil, with the token itself, and its hash is as
-- it stands after the start, not before.
--
-- returns a list of { id, flat hash }, the ms until the rate limit ends (0 when it does not hold), whether
-- the pause or the global concurrency stopped it, and whether jobs were passed over for want of room under
-- their name
-- include number_or settings_of promote_delayed pop_ready activate_job
local function claim_jobs(queue, now, options, wanted, first)
  local claims, passed = {}, false
  local room_of = type(options.room) == "table" and options.room
  promote_delayed(queue, now)
  local settings = settings_of(queue)
  local max, window, limiter = number_or(settings.max, nil), nil, options.limiter
  if type(limiter) == "table" then
    -- The opposite precedence for the two is stock's (WIRE §4.1).
    max = max or number_or(limiter.max, nil)
    window = number_or(limiter.duration, nil)
  end
  if max and not window then
    window = number_or(redis.call("HGET", queue.meta, "duration"), nil)
    if not window then
      -- A max without a duration would count jobs into a window that never ends (WIRE §1.4).
      max = nil
    end
  end
  -- As text: Lua would write the number out anew for each job.
  local lock_duration = options.lockDuration
  if type(lock_duration) ~= "string" or not string.find(lock_duration, "^%d+$") then
    lock_duration = string.format("%.0f", math.floor(number_or(lock_duration, 30000)))
  end
  local name = options.name and tostring(options.name)
  local concurrency = number_or(settings.concurrency, nil)
  while #claims < wanted do
    local room = wanted - #claims
    if max then
      -- include rate_limit_ttl paused_or_maxed
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
    if settings.paused then
      return claims, 0, true, passed
    end
    if concurrency then
      local vacant = concurrency - redis.call("LLEN", queue.active)
      if vacant <= 0 then
        return claims, 0, true, passed
      end
      room = math.max(1, math.min(room, math.ceil(vacant)))
    end
    local ids, more
    if room_of then
      -- include pop_named
      ids, passed = pop_named(queue, room, room_of)
    else
      ids, more = pop_ready(queue, room)
    end
    local counted = 0
    for i = 1, #ids do
      local id, token = ids[i], options.token
      if first then
        token = token .. ":" .. first + #claims
      end
      local fields, starts, deferred = activate_job(queue, id, now, token, lock_duration, name)
      if not first then
        -- include show_start
        show_start(fields, now, starts, name)
      end
      claims[#claims + 1] = { id, fields }
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
