-- The first 8 bytes of the head of a timeline's list, below whose key it holds nothing; empty where it holds all there is, false where it is missing. Does not renew when
-- the timeline expires.
--
-- KEYS: shards
-- ARGV: shard, name
-- include: common

local space, err = space_of(shards, shard)
if not space then return err end

local head = redis.call('LINDEX', space .. name, 0)
return head and string.sub(head, 1, 8)
