-- Forgets workers that have been silent for some milliseconds and left nothing. In one step: one that woke up in between would lose what it has just been given.
--
-- KEYS: queue
-- ARGV: group, silentMs

for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', queue, group)) do
  local info = {}
  for i = 1, #consumer, 2 do info[consumer[i]] = consumer[i + 1] end
  if info.pending == 0 and info.idle > tonumber(silentMs) then redis.call('XGROUP', 'DELCONSUMER', queue, group, info.name) end
end
