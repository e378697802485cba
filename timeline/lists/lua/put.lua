-- Puts an entry into one list, where it belongs by its key; one that holds the key, or held and removed it, stays as it is, unless `revive` brings the entry back. A missing list is left alone.
-- Trims to `keep` past `max`. Returns 1 where the list took the entry.
local function put_into(list, entry, revive)
  local last = redis.call('LINDEX', list, -1)
  if not last then return 0 end
  local high, low = key_of(entry)
  local last_high, last_low = key_of(last)
  if last == sentinel or less(last_high, last_low, high, low) then
    if redis.call('RPUSH', list, entry) > max then redis.call('LTRIM', list, -keep, -1) end
    return 1
  end
  local entries = redis.call('LRANGE', list, 0, -1)
  local place
  if #entry >= full_entry_bytes then
    local there, free = find(entries, high, low)
    if there then
      if not revive or not is_tombstone(entries[there]) then return 0 end
      redis.call('LSET', list, there - 1, entry)
      return 1
    end
    place = free
  else
    place = lower_bound(entries, high, low)
  end
  -- Below what the list holds.
  if place == 1 then return 0 end
  insert(list, entries, place, entry)
  if #entries + 1 > max then redis.call('LTRIM', list, -keep, -1) end
  return 1
end
