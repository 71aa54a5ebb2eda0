-- Computes when a scheduler with `every` runs next (WIRE §4.7).
--
-- previous: the slot before, nil for none. start: its startDate, or nil.
--
-- returns the slot in ms, and how far slots are from the multiples of every
local function every_slot(previous, every, now, offset, start)
  local aligned = math.floor(now / every) * every + offset
  if aligned <= now then
    aligned = aligned + every
  end

  local slot = now
  if previous then
    slot = previous + every
    if slot < now then
      slot = aligned
    end
  elseif start then
    slot = math.max(start, now)
  elseif offset > 0 then
    slot = aligned
  end

  if offset == 0 then
    offset = slot - math.floor(slot / every) * every
  end
  return math.floor(slot), math.floor(offset)
end
