-- Reads one page, newest first: entries with keys below `before` and above `since`, both 8 bytes or empty, at most `limit` of them. Renews when the timeline
-- expires. Returns false where it is missing, else how far it is complete ('all', or a key, or empty for nothing), whether the page reached
-- the oldest entry that is kept, and the entries.
--
-- KEYS: shards
-- ARGV: shard, name, ttl, limit, before, since
-- include: common

limit = tonumber(limit)

local space, err = space_of(shards, shard)
if not space then return err end

local list = space .. name
if redis.call('EXPIRE', list, ttl) == 0 then return false end

local before_high, before_low, since_high, since_low
if before ~= '' then before_high, before_low = key_of(before) end
if since ~= '' then since_high, since_low = key_of(since) end

local through = redis.call('GET', through_of(space, name))
if through then redis.call('EXPIRE', through_of(space, name), ttl) end
local answer = { through or 'all', 1 }
-- From the tail: a page near the top costs what the page costs.
local window, behind = limit + 1, 0
if before_high then window = 100000 end
while true do
  local chunk = redis.call('LRANGE', list, -behind - window, -behind - 1)
  local at = #chunk
  if before_high then at = lower_bound(chunk, before_high, before_low) - 1 end
  while at >= 1 do
    local entry = chunk[at]
    if since_high then
      local high, low = key_of(entry)
      if not less(since_high, since_low, high, low) then
        answer[2] = 0
        return answer
      end
    end
    if is_entry(entry) then
      if #answer - 2 == limit then
        answer[2] = 0
        return answer
      end
      answer[#answer + 1] = entry
    end
    at = at - 1
  end
  if #chunk < window then return answer end
  behind = behind + window
  window = window * 2
end
