-- Puts an entry into one list, where it belongs by its key; one that holds the key, or held and removed it, stays as it is, unless `revive` brings the entry back. A missing list is left alone.
-- Trims to `keep` past `max`. Returns 1 where the list took the entry.
local function put_into(list, entry, high, low, revive)
  local last = redis.call('LINDEX', list, -1)
  if not last then return 0 end
  local last_high, last_low = key_of(last)
  if last == sentinel or less(last_high, last_low, high, low) then
    if redis.call('RPUSH', list, entry) > max then redis.call('LTRIM', list, -keep, -1) end
    return 1
  end
  local tail, place = tail_from(list, high, low)
  local there = #entry >= full_entry_bytes and find(tail, high, low, place)
  if there then
    if not revive or not is_tombstone(tail[there]) then return 0 end
    redis.call('LSET', list, there - #tail - 1, entry)
    return 1
  end
  -- Below what the list holds.
  if place == 1 then return 0 end
  if insert(list, tail, place, entry) > max then redis.call('LTRIM', list, -keep, -1) end
  return 1
end
