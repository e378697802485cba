-- Everything that is stored of one timeline: how far back it is complete ('all', a key, or empty for nothing), in how many milliseconds it expires, its pace (empty where it has
-- none), and its list with tombstones. False where it is missing.
--
-- KEYS: shards
-- ARGV: shard, name
-- include: common, pace

local space, err = space_of(shards, shard)
if not space then return err end

local stored = redis.call('LRANGE', space .. name, 0, -1)
if #stored == 0 then return false end
local answer = {
  redis.call('GET', through_of(space, name)) or 'all',
  redis.call('PTTL', space .. name),
  redis.call('GET', pace_of(space, name)) or '',
}
for i, entry in ipairs(stored) do answer[i + 3] = entry end
return answer
