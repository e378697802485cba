-- Gives up the place of the one process that does something, where this one has it. Answers whether it had.
--
-- KEYS: place
-- ARGV: holder

if redis.call('GET', place) ~= holder then return 0 end
return redis.call('DEL', place)
