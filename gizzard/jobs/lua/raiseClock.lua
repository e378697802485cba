-- Has the journal give later times than one, from now on.
--
-- KEYS: clock
-- ARGV: micros

if tonumber(redis.call('GET', clock) or 0) < tonumber(micros) then redis.call('SET', clock, micros) end
