-- Reads one page, newest first: entries with keys below `before` and above `since`, both 8 bytes or empty, at most `limit` of them. Renews when the timeline
-- expires; with `reading` it counts as a read, where the timeline is complete. Returns false where it is missing, else
--   how far it is complete: 'all', or a key, or empty for nothing
--   0 where the list holds older entries, 1 where older ones may stand elsewhere, 2 where there are none
--   how many entries of the page follow
--   the authors who are pulled, as `pace` has them
--   the entries
--   with `originals`: the older entries of the list whose secondary key counts and is that of an entry of the page
--
-- KEYS: shards
-- ARGV: shard, name, ttl, limit, before, since, originals, reading
-- include: common, pace

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
local pace = redis.call('GET', pace_of(space, name))
if reading == '1' and not through then
  local now = seconds_now()
  pace = with_rate(pace, rate_at(pace, now) + 1, now)
  redis.call('SET', pace_of(space, name), pace, 'EX', ttl + outlives)
elseif pace then
  redis.call('EXPIRE', pace_of(space, name), ttl + outlives)
end
local answer, seen = { through or 'all', 1, 0, string.sub(pace or '', rate_bytes + 1) }, {}
local heads = #answer
local retweets = false

-- Whether the secondary key of an entry counts: the highest bit of its flags.
local function counts(entry)
  return #entry >= full_entry_bytes and string.byte(entry, 20) >= 128
end

-- `older` entries stand before the last one of the page.
local function answer_with(mark, older)
  answer[2] = mark
  answer[3] = #answer - heads
  if retweets and older > 0 then
    for _, entry in ipairs(redis.call('LRANGE', list, 0, older - 1)) do
      if counts(entry) and seen[string.sub(entry, 9, 16)] then answer[#answer + 1] = entry end
    end
  end
  return answer
end

-- From the tail: a page near the top costs what the page costs.
local length = redis.call('LLEN', list)
local window, behind = limit + 1, 0
if before_high then window = length end
while behind < length do
  local chunk = redis.call('LRANGE', list, -behind - window, -behind - 1)
  local at = #chunk
  if before_high then at = lower_bound(chunk, before_high, before_low) - 1 end
  while at >= 1 do
    local entry = chunk[at]
    local older = length - behind - #chunk + at
    if since_high then
      local high, low = key_of(entry)
      if entry ~= sentinel and not less(since_high, since_low, high, low) then return answer_with(0, older) end
    end
    if is_entry(entry) then
      if #answer - heads == limit then return answer_with(0, older) end
      answer[#answer + 1] = entry
      if originals == '1' and counts(entry) then
        retweets = true
        seen[string.sub(entry, 9, 16)] = true
      end
    end
    at = at - 1
  end
  behind = behind + window
  window = window * 2
end
return answer_with(redis.call('LINDEX', list, 0) == sentinel and 2 or 1, 0)
