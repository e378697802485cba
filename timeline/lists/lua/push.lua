-- Puts an entry into many timelines, where it belongs by its key. A timeline that was never stored is left alone; one that holds the key, or
-- held and removed it, stays as it is. Returns how many took the entry.
--
-- KEYS: shards
-- ARGV: shard, entry, keep, max, prefix, ids
-- include: common

keep, max = tonumber(keep), tonumber(max)

local space, err = space_of(shards, shard)
if not space then return err end

local high, low = key_of(entry)
local dedupes = #entry >= full_entry_bytes

local function put_late(list)
  local entries = redis.call('LRANGE', list, 0, -1)
  local place
  if dedupes then
    local there, free = find(entries, high, low)
    if there then return 0 end
    place = free
  else
    place = lower_bound(entries, high, low)
  end
  -- Below what the list holds.
  if place == 1 then return 0 end
  insert(list, entries, place, entry)
  return 1
end

local pushed = 0
for id in string.gmatch(ids, '[^,]+') do
  local list = space .. prefix .. id
  local last = redis.call('LINDEX', list, -1)
  if last then
    local last_high, last_low = key_of(last)
    if last == sentinel or less(last_high, last_low, high, low) then
      if redis.call('RPUSH', list, entry) > max then redis.call('LTRIM', list, -keep, -1) end
      pushed = pushed + 1
    else
      local put = put_late(list)
      if put == 1 and redis.call('LLEN', list) > max then redis.call('LTRIM', list, -keep, -1) end
      pushed = pushed + put
    end
  end
end
return pushed
