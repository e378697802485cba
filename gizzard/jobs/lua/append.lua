-- Accepts jobs, in one atomic step: so that two writers cannot both take the last place, jobs that belong together are accepted together, here and for other clusters, a write is
-- accepted once, and a Redis that is not the journal, or no longer all of it, accepts nothing.
--
-- KEYS: queue, failing, clock, remotesFence, state, archive, remembered?, backlogs[], fanouts[]
--   clock          the greatest time given to a job
--   remotesFence   the topology of the newest change of remote clusters
--   archive        what is copied to the cluster's backups, where the state says so: entries are called after how many jobs had been accepted, and the journal's time
--   remembered     where this write is remembered, if it has an identity
--   backlogs       for each remote cluster its queue and its failing jobs
-- ARGV: maxQueued, maxFailing, maxReplicating, maxBytes, notAfter, copiesVersion
-- ARGV: identityNotAfter, maxAhead, rememberedAfterMs, epoch, known, jobs[]
--   notAfter          the last moment for all of this by the clock of Redis, in microseconds
--   copiesVersion     the topology that the copies follow
--   identityNotAfter  the last moment of the write's identity; it may be so far ahead of the clock: maxAhead
--   known             how many jobs the epoch is known to have accepted
--   jobs              each as the number of its fields, how many times it takes, the places in its payload where the first of them is put, and its fields: the payload is
--                     the fourth, and of a job that takes times the last is the first of them
--
-- Answers what the clock says, and how many jobs the epoch has accepted; for a write that was accepted before also what is remembered of it: its first and last entry, and its queue.
-- Times of microseconds are exact as Lua's numbers until the year 2255.
-- include: epochs, streamBytes

local refused, accepted = checkEpoch(state, epoch, known)
if refused then return refused end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local told = string.format('%.0f', now)
if remembered then
  local before = redis.call('GET', remembered)
  if before then
    -- A write of this connection, so that WAIT waits until replicas have all that stands here, what is remembered too.
    redis.call('HSET', state, 'accepted', accepted)
    return {told, accepted, before}
  end
  if tonumber(identityNotAfter) > now + maxAhead then return {err = 'AHEAD ' .. told} end
end
if now > tonumber(notAfter) then return {err = 'LATE ' .. told} end
local changedIn = redis.call('GET', remotesFence)
if changedIn and tonumber(changedIn) > tonumber(copiesVersion) then return {err = 'STALE ' .. changedIn} end

local full = isFull(state, now, maxBytes)
if full(maxQueued, queue) then return {err = 'FULL queued'} end
if full(maxFailing, failing) then return {err = 'FULL failing'} end
for i = 1, #backlogs, 2 do
  if full(maxReplicating, backlogs[i], backlogs[i + 1]) then return {err = 'FULL remote ' .. backlogs[i]} end
end
-- Rather an archive with a gap, which its backups notice, than a write refused.
local archiving = redis.call('HGET', state, 'archive')
if archiving and full(maxReplicating, archive) then
  redis.call('HDEL', state, 'archive', 'archiveFor')
  redis.call('HSET', state, 'archiveGap', told)
  redis.call('UNLINK', archive)
  archiving = false
end
local added = 0
for i = 1, #jobs do added = added + #jobs[i] end
addBytes(state, queue, added, now)
for i = 1, #backlogs, 2 do addBytes(state, backlogs[i], added, now) end
if archiving then addBytes(state, archive, added, now) end

-- Puts the time into the payload, as 8 bytes little-endian or as 16 decimal digits.
local function timed(payload, places, first)
  local text = places:sub(1, 1) == 'd' and string.format('%016.0f', first) or struct.pack('<i8', first)
  local parts, from = {}, 1
  for place in places:gmatch('%d+') do
    parts[#parts + 1] = payload:sub(from, place)
    parts[#parts + 1] = text
    from = place + #text + 1
  end
  parts[#parts + 1] = payload:sub(from)
  return table.concat(parts)
end

local greatest = tonumber(redis.call('GET', clock) or 0)
local latest = greatest
local firstEntry, lastEntry
local at = 1
while at <= #jobs do
  local fields, times, places = tonumber(jobs[at]), tonumber(jobs[at + 1]), jobs[at + 2]
  local first, last, payload = at + 3, at + 2 + fields, at + 6
  if times > 0 then
    local time = math.max(now, latest + 1)
    jobs[payload] = timed(jobs[payload], places, time)
    jobs[last] = string.format('%.0f', time)
    latest = time + times - 1
  end
  lastEntry = redis.call('XADD', queue, '*', unpack(jobs, first, last))
  firstEntry = firstEntry or lastEntry
  for i = 1, #backlogs, 2 do redis.call('XADD', backlogs[i], '*', unpack(jobs, first, last)) end
  for _, fanout in ipairs(fanouts) do redis.call('XADD', fanout, 'MAXLEN', '~', maxQueued, '*', unpack(jobs, first, last)) end
  accepted = accepted + 1
  if archiving then
    redis.call('XADD', archive, string.format('%.0f-%.0f', accepted, math.max(now, latest)), unpack(jobs, first, last))
  end
  at = last + 1
end
if latest > greatest then redis.call('SET', clock, string.format('%.0f', latest)) end
redis.call('HSET', state, 'accepted', accepted)
if remembered and firstEntry then
  local forMs = math.ceil((identityNotAfter - now) / 1000) + rememberedAfterMs
  redis.call('SET', remembered, firstEntry .. ' ' .. lastEntry .. ' ' .. queue, 'PX', string.format('%.0f', forMs))
end
return {told, accepted}
