-- Gives a shard a key space of its own, which nothing else ever had, where it has none. Answers with the space; `gone` where the shard was taken away.
--
-- KEYS: shards, spaces
-- ARGV: shard, first

local space = redis.call('HGET', shards, shard)
if space then return space end
space = first .. redis.call('INCR', spaces) .. ':'
redis.call('HSET', shards, shard, space)
return space
