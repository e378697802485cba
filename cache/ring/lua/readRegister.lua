-- Answers the register's fields, and the time in microseconds.
--
-- KEYS: register

local time = redis.call('TIME')
return {redis.call('HGETALL', register), time[1] .. string.format('%06d', time[2])}
