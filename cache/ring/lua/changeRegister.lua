-- Sets a node's field if it still is as expected. A * in its epoch becomes the time. Answers whether it did (1 or 0).
--
-- KEYS: register
-- ARGV: changedField, node, expected, state

local time = redis.call('TIME')
local now = time[1] .. string.format('%06d', time[2])
if (redis.call('HGET', register, node) or '') ~= expected then return 0 end
local last = redis.call('HGET', register, changedField)
if last and now <= last then now = string.format('%.0f', last + 1) end
redis.call('HSET', register, node, (string.gsub(state, '*', now)), changedField, now)
return 1
