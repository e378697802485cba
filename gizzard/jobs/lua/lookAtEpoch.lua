-- Looks at the epoch, as a server does that comes to this Redis.
--
-- KEYS: state
-- ARGV: epoch, accepted, fresh
--   epoch     the epoch that the name server holds, '' where it holds none
--   accepted  how many jobs it has accepted at the least
--   fresh     an epoch to begin with where there is none anywhere
--
-- Answers the epoch ('' where there is none), its number, how many jobs it has accepted, and how many it had accepted where some are lost ('' where none is).

local held = redis.call('HMGET', state, 'epoch', 'number', 'accepted', 'lost')
if not held[1] and epoch == '' then
  redis.call('HSET', state, 'epoch', fresh, 'number', 1, 'accepted', 0)
  return {fresh, '1', '0', ''}
end
if held[1] == epoch and not held[4] and tonumber(held[3]) < tonumber(accepted) then
  redis.call('HSET', state, 'lost', accepted)
  held[4] = accepted
end
return {held[1] or '', held[2] or '0', held[3] or '0', held[4] or ''}
