-- Puts an entry into many timelines, as `push` does, but for those that leave its author to their readers: where the reader reads less often than `least` by some margin, the author is
-- pulled from now on; where more often, pushed again once a fill has brought what was not. Timelines that nobody is known to read take whatever comes.
-- With `revive` 1 the entry comes back where it was removed.
-- Returns how many took the entry and how many leave it to their readers; then, for each timeline whose author is to be filled in, its id and the token of the fill.
--
-- KEYS: shards
-- ARGV: shard, entry, keep, max, prefix, ids, at, least, token, most, revive
-- include: common, pace, put

keep, max, at, least, token, most = tonumber(keep), tonumber(max), tonumber(at), tonumber(least), tonumber(token), tonumber(most)

local space, err = space_of(shards, shard)
if not space then return err end

-- Between the two a timeline stays as it is.
local margin = 1.5
local author = string.sub(entry, at + 1, at + 8)
local now = seconds_now()

local lists, paces = space .. prefix, pace_of(space, prefix)
local each, keys = {}, {}
for id in string.gmatch(ids, '[^,]+') do
  each[#each + 1] = id
  keys[#keys + 1] = paces .. id
end
local found = redis.call('MGET', unpack(keys))

local high, low = key_of(entry)
local pushed, left = 0, 0
local answer = { 0, 0 }
for i, id in ipairs(each) do
  local list, pace = lists .. id, found[i]
  local place, pending
  if pace then place, pending = pulled_at(pace, author) end
  local often = pace and (place or least > 0) and rate_at(pace, now) or 0
  if place and pending == 0 and often < least * margin then
    left = left + 1
  elseif pace and not place and least > 0 and often < least / margin and #pace < rate_bytes + most * pulled_bytes and redis.call('EXISTS', list) == 1 then
    redis.call('SET', keys[i], pace .. author .. struct.pack('<I4', 0), 'KEEPTTL')
    left = left + 1
  else
    local put = put_into(list, entry, high, low, revive == '1')
    if put > 0 then pushed = pushed + 1 end
    -- A push that finds the entry may be repeated after a crash that has lost the fill.
    if place and (pending == 0 or put == 0) and redis.call('EXISTS', list) == 1 then
      local its = pending == 0 and token or pending
      if pending == 0 then redis.call('SET', keys[i], with_token(pace, place, its), 'KEEPTTL') end
      answer[#answer + 1] = id
      answer[#answer + 1] = its
    end
  end
end
answer[1], answer[2] = pushed, left
return answer
