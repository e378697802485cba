-- Begins the epoch `to` with its number, unless the epoch is no longer `from`. Answers the epoch that there is then.
--
-- KEYS: state
-- ARGV: from, to, number

local held = redis.call('HGET', state, 'epoch') or ''
if held ~= from then return held end
redis.call('HSET', state, 'epoch', to, 'number', number, 'accepted', 0)
redis.call('HDEL', state, 'lost')
-- Jobs of the epoch before are missing, so that no backup may go on.
if redis.call('HDEL', state, 'archive', 'archiveFor') > 0 then
  local time = redis.call('TIME')
  redis.call('HSET', state, 'archiveGap', string.format('%.0f', time[1] * 1000000 + time[2]))
end
return to
