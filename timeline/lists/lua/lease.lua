-- Gives one caller at a time the right to rebuild a timeline, for some milliseconds. Answers whether it is the caller's (1 or 0).
--
-- KEYS: shards
-- ARGV: shard, name, ms
-- include: common

local space, err = space_of(shards, shard)
if not space then return err end

return redis.call('SET', lease_of(space, name), '1', 'NX', 'PX', ms) and 1 or 0
