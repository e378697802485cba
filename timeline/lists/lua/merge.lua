-- Puts entries into one timeline, where they belong by their keys, in one step. Of entries of one key the one that is there stays; a tombstone makes room.
-- A missing timeline is left alone. `through`: '' keeps how far the timeline is complete, 'all' makes it complete, a key says it is complete down to that key.
-- Returns how many entries it took, -1 where the timeline is missing.
--
-- KEYS: shards
-- ARGV: shard, name, keep, max, through, given[]
-- include: common

keep, max = tonumber(keep), tonumber(max)

local space, err = space_of(shards, shard)
if not space then return err end

local list = space .. name
local entries = redis.call('LRANGE', list, 0, -1)
if #entries == 0 then return -1 end

local merged, taken, at = {}, 0, 1
local function keep_until(high, low)
  while at <= #entries do
    local its_high, its_low = key_of(entries[at])
    if not less(its_high, its_low, high, low) then break end
    if entries[at] ~= sentinel then merged[#merged + 1] = entries[at] end
    at = at + 1
  end
end

for _, entry in ipairs(given) do
  local high, low = key_of(entry)
  keep_until(high, low)
  local there = #entry >= full_entry_bytes and find(entries, high, low)
  if not there then
    -- Given twice, it is taken once.
    local last = merged[#merged]
    local last_high, last_low
    if last then last_high, last_low = key_of(last) end
    if #entry < full_entry_bytes or not last or #last < full_entry_bytes or last_high ~= high or last_low ~= low then
      merged[#merged + 1] = entry
      taken = taken + 1
    end
  elseif is_tombstone(entries[there]) then
    entries[there] = entry
    taken = taken + 1
  end
end
for i = at, #entries do
  if entries[i] ~= sentinel then merged[#merged + 1] = entries[i] end
end

if taken > 0 then rewrite(list, merged, #merged > max and keep or #merged) end
if through == 'all' then
  redis.call('DEL', through_of(space, name))
elseif through ~= '' and redis.call('EXISTS', through_of(space, name)) == 1 then
  redis.call('SET', through_of(space, name), through, 'KEEPTTL')
end
return taken
