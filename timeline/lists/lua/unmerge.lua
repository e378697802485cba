-- Removes the entries of the given keys from one timeline, in one step, and leaves tombstones, also for entries that have not arrived yet.
-- Returns how many it held, -1 where the timeline is missing.
--
-- KEYS: shards
-- ARGV: shard, name, keep, max, keys[]
-- include: common

keep, max = tonumber(keep), tonumber(max)

local space, err = space_of(shards, shard)
if not space then return err end

local list = space .. name
local entries = redis.call('LRANGE', list, 0, -1)
if #entries == 0 then return -1 end

local removed, changed = 0, false
for _, key in ipairs(keys) do
  local high, low = key_of(key)
  local tombstone = key .. gone
  local place, free = find(entries, high, low)
  if place then
    if is_entry(entries[place]) then
      entries[place] = tombstone
      removed = removed + 1
      changed = true
    end
  elseif free > 1 then
    table.insert(entries, free, tombstone)
    changed = true
  end
end
if changed then rewrite(list, entries, #entries > max and keep or #entries) end
return removed
