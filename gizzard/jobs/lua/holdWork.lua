-- Takes or renews the place of the one process that does something, unless another has it. Answers who that is; '' where it is this one now.
--
-- KEYS: place
-- ARGV: holder, forMs
--   forMs  after which the place is free again

local held = redis.call('GET', place)
if held and held ~= holder then return held end
redis.call('SET', place, holder, 'PX', forMs)
return ''
