-- Takes entries out of a timeline: those that have these bytes from `at` on, as those of an author have the author's id. Readers do not see them any more, whether they are here or not, so no
-- tombstones stay but that of the head. Returns how many it took, -1 where the timeline is missing.
--
-- KEYS: shards
-- ARGV: shard, name, at, bytes
-- include: common

local space, err = space_of(shards, shard)
if not space then return err end

local list = space .. name
local entries = redis.call('LRANGE', list, 0, -1)
if #entries == 0 then return -1 end

local first, last = at + 1, at + #bytes
local kept, taken = {}, 0
for i, entry in ipairs(entries) do
  if #entry < last or string.sub(entry, first, last) ~= bytes then
    kept[#kept + 1] = entry
  else
    taken = taken + 1
    -- The head still bounds what the list holds.
    if i == 1 then kept[1] = string.sub(entry, 1, 8) .. gone end
  end
end
if taken > 0 then rewrite(list, kept, #kept) end
return taken
