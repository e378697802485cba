-- Puts an entry into many timelines, where it belongs by its key. A timeline that was never stored is left alone; one that holds the key, or
-- held and removed it, stays as it is. Returns how many took the entry.
--
-- KEYS: shards
-- ARGV: shard, entry, keep, max, prefix, ids
-- include: common, put

keep, max = tonumber(keep), tonumber(max)

local space, err = space_of(shards, shard)
if not space then return err end

local pushed, lists = 0, space .. prefix
local high, low = key_of(entry)
for id in string.gmatch(ids, '[^,]+') do pushed = pushed + put_into(lists .. id, entry, high, low, false) end
return pushed
