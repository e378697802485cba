-- Forgets one timeline, and who has the right to rebuild it: the next reader has it rebuilt at once. Returns whether there was one.
--
-- KEYS: shards
-- ARGV: shard, name
-- include: common, pace

local space, err = space_of(shards, shard)
if not space then return err end

local list = space .. name
redis.call('ZREM', index_of(space), name)
redis.call('UNLINK', through_of(space, name), pace_of(space, name), lease_of(space, name))
return redis.call('UNLINK', list)
