-- Raises the fence to a version, for some seconds. It never falls before.
--
-- KEYS: fence
-- ARGV: version, seconds

if tonumber(redis.call('GET', fence) or '-1') <= tonumber(version) then redis.call('SET', fence, version, 'EX', seconds) end
