-- Takes applied jobs from the queue, which ran under the topology of some version. Where the fence stands above that version they go to the end of the queue, for a worker that knows
-- more. Answers whether they did (1 or 0).
--
-- KEYS: queue, fence
-- ARGV: group, topologyVersion, movedMark, ids[]

local newest = redis.call('GET', fence)
local late = newest and tonumber(newest) > tonumber(topologyVersion)
if late then
  for _, id in ipairs(ids) do
    for _, entry in ipairs(redis.call('XRANGE', queue, id, id)) do
      local fields = entry[2]
      redis.call('XADD', queue, '*', unpack(fields))
      for i = 1, #fields, 2 do
        if fields[i] == 'write' then redis.call('SET', fields[i + 1], movedMark, 'KEEPTTL', 'XX') end
      end
    end
  end
end
redis.call('XACK', queue, group, unpack(ids))
redis.call('XDEL', queue, unpack(ids))
return late and 1 or 0
