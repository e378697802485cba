-- Merges what another replica stores of one timeline into this one, and makes it where it is missing. Of one key, a tombstone wins over an entry. The timeline is complete
-- as far back as the one that is complete further, and holds what either holds; it expires when the later one does. Authors whom either leaves to its readers are pulled.
--
-- KEYS: shards
-- ARGV: shard, name, keep, max, through, ttlMs, pace, stored[]
-- include: common, pace

keep, max, ttlMs = tonumber(keep), tonumber(max), tonumber(ttlMs)

local space, err = space_of(shards, shard)
if not space then return err end

local list = space .. name
local mine = redis.call('LRANGE', list, 0, -1)
local my_through = #mine > 0 and (redis.call('GET', through_of(space, name)) or 'all') or ''

local merged, a, b = {}, 1, 1
if mine[1] == sentinel or stored[1] == sentinel then merged[1] = sentinel end
local function add(entry)
  if entry ~= sentinel then merged[#merged + 1] = entry end
end
while a <= #mine or b <= #stored do
  if a > #mine then
    add(stored[b])
    b = b + 1
  elseif b > #stored then
    add(mine[a])
    a = a + 1
  else
    local a_high, a_low = key_of(mine[a])
    local b_high, b_low = key_of(stored[b])
    if less(a_high, a_low, b_high, b_low) then
      add(mine[a])
      a = a + 1
    elseif less(b_high, b_low, a_high, a_low) then
      add(stored[b])
      b = b + 1
    else
      add(is_tombstone(stored[b]) and stored[b] or mine[a])
      a = a + 1
      b = b + 1
    end
  end
end

local left = math.max(ttlMs, #mine > 0 and redis.call('PTTL', list) or 0)
rewrite(list, merged, #merged > max and keep or #merged)
redis.call('PEXPIRE', list, left)
redis.call('ZADD', index_of(space), 0, name)

local function further(x, y)
  if x == 'all' or y == '' then return x end
  if y == 'all' or x == '' then return y end
  local x_high, x_low = key_of(x)
  local y_high, y_low = key_of(y)
  return less(x_high, x_low, y_high, y_low) and x or y
end
local best = further(through, my_through)
if best == 'all' then
  redis.call('DEL', through_of(space, name))
else
  redis.call('SET', through_of(space, name), best, 'PX', left)
end
local my_pace = #mine > 0 and redis.call('GET', pace_of(space, name)) or ''
if #pace >= rate_bytes then
  local both = #my_pace >= rate_bytes and my_pace or string.sub(pace, 1, rate_bytes)
  for at = rate_bytes + 1, #pace, pulled_bytes do
    local author = string.sub(pace, at, at + 7)
    -- The token is of a fill for the other list.
    if not pulled_at(both, author) then both = both .. author .. struct.pack('<I4', 0) end
  end
  my_pace = both
end
if #my_pace >= rate_bytes then redis.call('SET', pace_of(space, name), my_pace, 'PX', left + outlives * 1000) end
return 1
