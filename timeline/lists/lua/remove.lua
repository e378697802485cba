-- Removes the entry of one key from many timelines and leaves a tombstone, also where the entry has not arrived yet. A timeline that was never
-- stored is left alone. Returns how many held the entry, and how many there are.
--
-- KEYS: shards
-- ARGV: shard, entry, keep, max, prefix, ids
-- include: common

keep, max = tonumber(keep), tonumber(max)

local space, err = space_of(shards, shard)
if not space then return err end

local high, low = key_of(entry)
local tombstone = string.sub(entry, 1, 8) .. gone

local removed, there = 0, 0
for id in string.gmatch(ids, '[^,]+') do
  local list = space .. prefix .. id
  local entries = redis.call('LRANGE', list, 0, -1)
  if #entries > 0 then
    there = there + 1
    local place, free = find(entries, high, low)
    if place then
      if is_entry(entries[place]) then
        redis.call('LSET', list, place - 1, tombstone)
        removed = removed + 1
      end
    elseif free > 1 then
      insert(list, entries, free, tombstone)
      if #entries + 1 > max then redis.call('LTRIM', list, -keep, -1) end
    end
  end
end
return { removed, there }
