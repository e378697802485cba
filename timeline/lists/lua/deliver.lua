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

local names, paces = {}, {}
for id in string.gmatch(ids, '[^,]+') do
  names[#names + 1] = prefix .. id
  paces[#paces + 1] = pace_of(space, prefix .. id)
end
paces = redis.call('MGET', unpack(paces))

local pushed, left = 0, 0
local answer = { 0, 0 }
for i, name in ipairs(names) do
  local list, pace = space .. name, paces[i]
  local place, pending
  if pace then place, pending = pulled_at(pace, author) end
  local often = pace and (place or least > 0) and rate_at(pace, now) or 0
  if place and pending == 0 and often < least * margin then
    left = left + 1
  elseif pace and not place and least > 0 and often < least / margin and #pace < rate_bytes + most * pulled_bytes and redis.call('EXISTS', list) == 1 then
    redis.call('SET', pace_of(space, name), pace .. author .. struct.pack('<I4', 0), 'KEEPTTL')
    left = left + 1
  else
    local put = put_into(list, entry, revive == '1')
    if put > 0 then pushed = pushed + 1 end
    -- A push that finds the entry may be repeated after a crash that has lost the fill.
    if place and (pending == 0 or put == 0) and redis.call('EXISTS', list) == 1 then
      local its = pending == 0 and token or pending
      if pending == 0 then redis.call('SET', pace_of(space, name), with_token(pace, place, its), 'KEEPTTL') end
      answer[#answer + 1] = string.sub(name, #prefix + 1)
      answer[#answer + 1] = its
    end
  end
end
answer[1], answer[2] = pushed, left
return answer
