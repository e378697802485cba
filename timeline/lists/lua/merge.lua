-- Puts entries into one timeline, where they belong by their keys, in one step. Of entries of one key the one that is there stays; a tombstone makes room.
-- A missing timeline is left alone. `floor`: 8 bytes; not all is given of what is below this key, so that the list ends there. Empty where all is given.
-- `through`: '' keeps how far the timeline is complete, 'all' makes it complete, a key says it is complete down to that key.
-- With `author`, 8 bytes, it is the fill that has this token: the author is no longer pulled.
-- Returns how many entries it took, -1 where the timeline is missing.
--
-- KEYS: shards
-- ARGV: shard, name, keep, max, through, floor, author, token, given[]
-- include: common, pace

keep, max = tonumber(keep), tonumber(max)

local space, err = space_of(shards, shard)
if not space then return err end

local list = space .. name
local entries = redis.call('LRANGE', list, 0, -1)
if #entries == 0 then return -1 end

local changed = false
if floor ~= '' then
  local high, low = key_of(floor)
  local head_high, head_low = key_of(entries[1])
  if entries[1] == sentinel or less(head_high, head_low, high, low) then
    local first = lower_bound(entries, high, low)
    local left = { floor .. gone }
    -- The tombstone bounds the list until the entry of its key is there.
    local there_high, there_low = key_of(entries[first] or '')
    if entries[first] and there_high == high and there_low == low then left = {} end
    for i = first, #entries do left[#left + 1] = entries[i] end
    entries = left
    changed = true
  end
end

local merged, taken, at = { entries[1] }, 0, 2
local bounded = entries[1] ~= sentinel
local floor_high, floor_low = key_of(entries[1])

local function keep_until(high, low)
  while at <= #entries do
    local its_high, its_low = key_of(entries[at])
    if not less(its_high, its_low, high, low) then break end
    merged[#merged + 1] = entries[at]
    at = at + 1
  end
end

local function take(entry)
  local high, low = key_of(entry)
  if bounded and less(high, low, floor_high, floor_low) then return end
  keep_until(high, low)
  local there = #entry >= full_entry_bytes and find(entries, high, low)
  if not there then
    -- Given twice, it is taken once.
    local last = merged[#merged]
    local last_high, last_low = key_of(last)
    if #entry < full_entry_bytes or #last < full_entry_bytes or last_high ~= high or last_low ~= low then
      merged[#merged + 1] = entry
      taken = taken + 1
    end
  elseif is_tombstone(entries[there]) then
    entries[there] = entry
    if there == 1 then merged[1] = entry end
    taken = taken + 1
  end
end

for _, entry in ipairs(given) do take(entry) end
for i = at, #entries do merged[#merged + 1] = entries[i] end

if changed or taken > 0 then rewrite(list, merged, #merged > max and keep or #merged) end
if through == 'all' then
  redis.call('DEL', through_of(space, name))
elseif through ~= '' and redis.call('EXISTS', through_of(space, name)) == 1 then
  redis.call('SET', through_of(space, name), through, 'KEEPTTL')
end
if author ~= '' then
  local pace = redis.call('GET', pace_of(space, name))
  if pace then
    local at, its = pulled_at(pace, author)
    if at and its == tonumber(token) then
      redis.call('SET', pace_of(space, name), string.sub(pace, 1, at - 1) .. string.sub(pace, at + pulled_bytes), 'KEEPTTL')
    end
  end
end
return taken
