-- Has every job copied into the archive from now on, and copies all queues as they stand, in one step: a job that was accepted is applied, in a copy, or will be in the archive.
--
-- KEYS: state, archive, clock, queues[]
--   queues  for each priority its set of hosts, its queue, and its failing and bad jobs
-- ARGV: epoch, to, purpose, copies, maxBytes, keepMs
--   to       where the archive is kept; one that goes elsewhere refuses this one
--   purpose  'follow', or the dump that it is for; where it goes on already for 'follow', that stays
--   copies   begins the names of the copies; '' for none
--   maxBytes of all queues
--   keepMs   after which the copies go by themselves
--
-- Answers how many jobs the epoch has accepted, the journal's time in microseconds, the purpose, and the names of the copies.
-- include: streamBytes

local held = redis.call('HMGET', state, 'epoch', 'accepted', 'archive', 'archiveFor', 'lost')
if held[1] ~= epoch or held[5] then return {err = 'EPOCH another'} end
if held[3] and held[3] ~= to then return {err = 'ELSEWHERE ' .. held[3]} end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local streams, bytes = {}, 0
if copies ~= '' then
  local function add(stream)
    local itsBytes, entries = streamBytes(state, stream, now)
    bytes = bytes + itsBytes
    if entries > 0 then streams[#streams + 1] = stream end
  end
  for i = 1, #queues, 4 do
    local hosts, queued, failing, bad = queues[i], queues[i + 1], queues[i + 2], queues[i + 3]
    for _, stream in ipairs({queued, failing, bad}) do add(stream) end
    for _, host in ipairs(redis.call('SMEMBERS', hosts)) do
      add(failing .. ':' .. host)
      add(bad .. ':' .. host)
    end
  end
  if bytes > tonumber(maxBytes) then return {err = 'LARGE ' .. string.format('%.0f', bytes)} end
end

local purposeNow = held[3] and held[4] == 'follow' and 'follow' or purpose
redis.call('HSET', state, 'archive', to, 'archiveFor', purposeNow)
redis.call('HDEL', state, 'archiveGap')
if not held[3] then redis.call('HSET', state, 'archiveSince', held[2] or '0') end
local answer = {held[2] or '0', string.format('%.0f', math.max(now, tonumber(redis.call('GET', clock) or 0))), purposeNow}
for i, stream in ipairs(streams) do
  local name = copies .. i
  redis.call('COPY', stream, name, 'REPLACE')
  redis.call('PEXPIRE', name, keepMs)
  answer[#answer + 1] = name
end
return answer
