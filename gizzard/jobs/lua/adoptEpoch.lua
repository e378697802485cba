-- Begins the epoch `to` with its number, unless the epoch is no longer `from`. Answers the epoch that there is then.
--
-- KEYS: state
-- ARGV: from, to, number

local held = redis.call('HGET', state, 'epoch') or ''
if held ~= from then return held end
redis.call('HSET', state, 'epoch', to, 'number', number, 'accepted', 0)
redis.call('HDEL', state, 'lost')
return to
