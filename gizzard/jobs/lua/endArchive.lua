-- Ends the archive, unless it goes on for another purpose. Answers whether it did.
--
-- KEYS: state, archive
-- ARGV: purpose
--   purpose  '' for whatever it is

if purpose == '' then redis.call('HDEL', state, 'archiveGap') end
local held = redis.call('HMGET', state, 'archive', 'archiveFor')
if not held[1] or (purpose ~= '' and held[2] ~= purpose) then return 0 end
redis.call('HDEL', state, 'archive', 'archiveFor')
redis.call('UNLINK', archive)
return 1
