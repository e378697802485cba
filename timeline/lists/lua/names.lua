-- The names of up to `limit` timelines behind `after`, in ascending order of their bytes, and forgets those that have expired. The last name that was looked at comes first,
-- so that a page of expired ones is not taken for the end; it is empty at the end.
--
-- KEYS: shards
-- ARGV: shard, after, limit
-- include: common

limit = tonumber(limit)

local space, err = space_of(shards, shard)
if not space then return err end

local index = index_of(space)
local looked = redis.call('ZRANGEBYLEX', index, after == '' and '-' or '(' .. after, '+', 'LIMIT', 0, limit)
local answer = { #looked == limit and looked[#looked] or '' }
for _, name in ipairs(looked) do
  if redis.call('EXISTS', space .. name) == 1 then
    answer[#answer + 1] = name
  else
    redis.call('ZREM', index, name)
  end
end
return answer
