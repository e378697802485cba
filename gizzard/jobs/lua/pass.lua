-- Writes down who tries a stream's jobs again: `to`, where so far it was `from`. Answers who it is now.
--
-- KEYS: pass
-- ARGV: from, to

local now = redis.call('GET', pass) or ''
if now ~= from then return now end
redis.call('SET', pass, to)
return to
