-- Makes an empty timeline that is complete through nothing, where there is none: pushes land in it while its past is still to be merged. Returns whether it made it.
--
-- KEYS: shards
-- ARGV: shard, name, ttl
-- include: common, pace


local space, err = space_of(shards, shard)
if not space then return err end

local list = space .. name
if redis.call('EXISTS', list) == 1 then return 0 end
redis.call('RPUSH', list, sentinel)
redis.call('DEL', pace_of(space, name))
redis.call('EXPIRE', list, ttl)
redis.call('SET', through_of(space, name), '', 'EX', ttl)
redis.call('ZADD', index_of(space), 0, name)
return 1
