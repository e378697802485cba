-- Puts an entry into one timeline, where it belongs by its key, in place of older ones that say the same: whose bytes from `at` on are the entry's. One that was removed comes back.
-- A newer one stays: this step may be late. A missing timeline is left alone, and so is one that holds nothing as old. Returns how many older ones it took away, -1 where the timeline is
-- missing.
--
-- KEYS: shards
-- ARGV: shard, name, keep, max, at, entry
-- include: common

keep, max = tonumber(keep), tonumber(max)

local space, err = space_of(shards, shard)
if not space then return err end

local list = space .. name
local entries = redis.call('LRANGE', list, 0, -1)
if #entries == 0 then return -1 end

local high, low = key_of(entry)
local said = string.sub(entry, at + 1)
local kept, taken, changed = {}, 0, false
for i, there in ipairs(entries) do
  local its_high, its_low = key_of(there)
  if #there == #entry and string.sub(there, at + 1) == said and less(its_high, its_low, high, low) then
    taken = taken + 1
    -- The head still bounds what the list holds.
    if i == 1 then kept[1] = string.sub(there, 1, 8) .. gone end
  else
    kept[#kept + 1] = there
  end
end

local place, free = find(kept, high, low)
if place then
  if is_tombstone(kept[place]) then
    kept[place] = entry
    changed = true
  end
elseif free > 1 then
  table.insert(kept, free, entry)
  changed = true
end
if changed or taken > 0 then rewrite(list, kept, #kept > max and keep or #kept) end
return taken
