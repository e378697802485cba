-- Whether a timeline is there (1 or 0). Does not renew when it expires.
--
-- KEYS: shards
-- ARGV: shard, name
-- include: common

local space, err = space_of(shards, shard)
if not space then return err end

return redis.call('EXISTS', space .. name)
