-- Puts an entry into one timeline, where it belongs by its key, in place of those that say the same at other keys: whose bytes from `at` on are the entry's. One that was removed comes back.
-- A missing timeline is left alone, and so is one that holds nothing as old. Returns whether it changed anything, -1 where the timeline is missing.
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

local said = string.sub(entry, at + 1)
local kept, changed = {}, false
for i, there in ipairs(entries) do
  if there ~= entry and #there == #entry and string.sub(there, at + 1) == said then
    changed = true
    -- The head still bounds what the list holds.
    if i == 1 then kept[1] = string.sub(there, 1, 8) .. gone end
  else
    kept[#kept + 1] = there
  end
end

local high, low = key_of(entry)
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
if changed then rewrite(list, kept, #kept > max and keep or #kept) end
return changed and 1 or 0
