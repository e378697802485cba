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
  local tail, free = tail_from(list, high, low)
  if #tail > 0 then
    there = there + 1
    local place = find(tail, high, low, free)
    if place then
      if is_entry(tail[place]) then
        redis.call('LSET', list, place - #tail - 1, tombstone)
        removed = removed + 1
      end
    elseif free > 1 then
      if insert(list, tail, free, tombstone) > max then redis.call('LTRIM', list, -keep, -1) end
    end
  end
end
return { removed, there }
