-- How the archive stands.
--
-- KEYS: state, archive, clock
--
-- Answers how many jobs the epoch has accepted, the journal's time in microseconds, where the archive is kept and what for ('' where there is none), how many had been accepted when it
-- began, when it ended of itself ('' where it did not), how many jobs it holds, the name of the first ('' where it holds none), and its bytes.
-- include: streamBytes

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local held = redis.call('HMGET', state, 'accepted', 'archive', 'archiveFor', 'archiveSince', 'archiveGap')
local bytes, entries = streamBytes(state, archive, now)
local first = entries > 0 and redis.call('XRANGE', archive, '-', '+', 'COUNT', 1)[1][1] or ''
local moment = math.max(now, tonumber(redis.call('GET', clock) or 0))
return {held[1] or '0', string.format('%.0f', moment), held[2] or '', held[3] or '', held[4] or '0', held[5] or '', entries, first, bytes}
