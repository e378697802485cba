-- Makes a timeline of the given entries, which come in ascending order, and forgets the one that was there. With fewer than `keep` of them it holds all there is.
-- It expires after `ttl` seconds.
--
-- KEYS: shards
-- ARGV: shard, name, ttl, keep, entries[]
-- include: common, pace

keep = tonumber(keep)

local space, err = space_of(shards, shard)
if not space then return err end

local list = space .. name
redis.call('DEL', list, through_of(space, name), pace_of(space, name))
if #entries < keep then table.insert(entries, 1, sentinel) end
rewrite(list, entries, keep)
redis.call('EXPIRE', list, ttl)
redis.call('ZADD', index_of(space), 0, name)
return 1
