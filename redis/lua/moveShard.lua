-- Gives the key space of one name to another, in one step; whoever still writes to the old name is told that it is gone. Answers whether there was one (1 or 0),
-- -1 where the new name has a space already.
--
-- KEYS: from, to
-- ARGV: old, new

local gone = 'gone'
local space = redis.call('HGET', from, old)
if not space or space == gone then return 0 end
local there = redis.call('HGET', to, new)
if there and there ~= gone then return -1 end
redis.call('HSET', to, new, space)
redis.call('HSET', from, old, gone)
return 1
